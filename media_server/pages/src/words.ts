// Numbers and states in words. Pure.

import type { Asset, Offer, State, Track } from "./api.ts";

export const STATES: Record<State, string> = {
  waiting: "Upload not complete",
  queued: "Waiting for a worker",
  working: "Encrypting",
  ready: "Ready",
  failed: "Failed",
};

/** Return bytes as people read them, such as `12.3 MB`. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const scaled = bytes / 1000 ** power;
  return `${power > 0 && scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)} ${units[power]}`;
}

/** Return seconds as a clock tells them, such as `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Return what is known of an asset, the most important first. */
export function facts(asset: Asset): string[] {
  const created = new Date(asset.created).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const captions = asset.captions.length > 0 ? [`Captions: ${asset.captions.map(named).join(", ")}`] : [];
  return [...(asset.seconds > 0 ? [clock(asset.seconds)] : []), size(asset.length), ...asset.offers.map(offered), ...captions, created];
}

/** Return what captions are called, such as `Deutsch`; those that tell what is heard besides are marked. */
export function named({ language, label, kind }: Pick<Track, "language" | "label" | "kind">): string {
  const name = label || (new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language);
  return kind === "captions" ? `${name} (CC)` : name;
}

/** Return the language that a file's name tells, such as `de` of `lesson.de.vtt`; empty: none. */
export function languageIn(file: string): string {
  return /\.([a-z]{2,3}(?:-[a-z0-9]{2,8})*)\.vtt$/i.exec(file)?.[1] ?? "";
}

/** Return a text as a sentence; nothing stays nothing. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return begun === "" || /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** Return a file's name without what says of which kind it is. */
export function stem(file: string): string {
  return file.replace(/\.[^.]+$/, "");
}

function offered(offer: Offer): string {
  if (offer.profile === "cbcs") return "ClearKey";
  return offer.container === "ts" ? "AES-128 in MPEG-TS" : "AES-128 in MP4";
}
