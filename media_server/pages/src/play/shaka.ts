import shaka from "shaka-player/dist/shaka-player.compiled-es2021.js";
import { isGuarded } from "../api.ts";
import { Broken, type Play } from "./player.ts";

export const play: Play = async (video, { url, licence, token, at }, broken) => {
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) throw new Broken("Shaka Player does not play in this browser");
  if (licence && !isSecureContext) throw new Broken("ClearKey is played on https:// and on localhost only");
  const player = new shaka.Player();
  player.addEventListener("error", (event) => broken(brokenBy((event as unknown as { detail: unknown }).detail)));
  if (licence) player.configure({ drm: { servers: { "org.w3.clearkey": licence } } });
  player.getNetworkingEngine()?.registerRequestFilter((_, request) => {
    if (request.uris.every(isGuarded)) request.headers["authorization"] = `Bearer ${token}`;
  });
  try {
    await player.attach(video);
    await player.load(url, at);
  } catch (error) {
    await player.destroy();
    throw brokenBy(error);
  }
  return { end: () => player.destroy() };
};

/** Return what an error of Shaka's means; a licence that was refused bears the error of the request. */
function brokenBy(error: unknown): Broken {
  if (!(error instanceof shaka.util.Error)) return new Broken(String(error));
  const { BAD_HTTP_STATUS, HTTP_ERROR, TIMEOUT, LICENSE_REQUEST_FAILED } = shaka.util.Error.Code;
  if (error.code === LICENSE_REQUEST_FAILED) return brokenBy(error.data[0]);
  if (error.code === BAD_HTTP_STATUS) return new Broken(String(error.code), error.data[1]);
  return new Broken(String(error.code), error.code === HTTP_ERROR || error.code === TIMEOUT ? 0 : undefined);
}
