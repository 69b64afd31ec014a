import Hls, { ErrorTypes, Events } from "hls.js";
import { isGuarded } from "../api.ts";
import { Broken, type Play } from "./player.ts";

export const play: Play = async (video, { url, token, at }, broken) => {
  if (!Hls.isSupported()) throw new Broken("hls.js does not play in this browser, which has no Media Source Extensions");
  const hls = new Hls({
    startPosition: at,
    xhrSetup: (xhr, asked) => {
      xhr.open("GET", asked, true); // a header can be set only then
      if (isGuarded(asked)) xhr.setRequestHeader("authorization", `Bearer ${token}`);
    },
  });
  hls.on(Events.ERROR, (_, { fatal, type, details, response }) => {
    if (fatal) broken(new Broken(details, type === ErrorTypes.NETWORK_ERROR ? (response?.code ?? 0) : undefined));
  });
  hls.loadSource(url);
  hls.attachMedia(video);
  return { end: async () => hls.destroy() };
};
