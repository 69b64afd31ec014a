// In which ways an asset can be played. Pure.

import type { Begun } from "./api.ts";

export type Player = "hls" | "shaka";
export const PLAYERS: Record<Player, string> = { hls: "hls.js", shaka: "Shaka Player" };

/** A format that is offered: a playlist or manifest, and who plays it. */
export interface Format {
  id: string;
  name: string;
  url: string;
  licence?: string;
  players: Player[];
}

/** Return the formats of what is offered. URLs are taken to be this page's own: the server may be known by several names. */
export function formats({ offers }: Begun): Format[] {
  return offers.flatMap(({ profile, hls, dash, licence }) => {
    if (profile === "aes128") return [{ id: "aes128", name: "AES-128, HLS", url: path(hls), players: ["hls", "shaka"] } satisfies Format];
    const found: Format[] = [];
    if (licence === undefined) return found;
    const common = { licence: path(licence), players: ["shaka"] satisfies Player[] };
    if (dash !== undefined) found.push({ id: "cbcs-dash", name: "ClearKey, DASH", url: path(dash), ...common });
    found.push({ id: "cbcs-hls", name: "ClearKey, HLS", url: path(hls), ...common });
    return found;
  });
}

/** Return a URL's path, which is this page's own. */
export function path(url: string): string {
  return new URL(url).pathname;
}
