// Which view is shown: a viewer's, the sign-in, the list, or a video of it.

import { Api } from "./api.ts";
import { fixed } from "./dom.ts";
import { Library } from "./library.ts";
import { Sendings } from "./sending.ts";
import { signIn } from "./sign_in.ts";
import { claims, Kept } from "./token.ts";
import type { View } from "./view.ts";
import { Watching } from "./watching.ts";

const main = fixed("main", HTMLElement);
const who = fixed("who", HTMLParagraphElement);
const leave = fixed("leave", HTMLButtonElement);
const tenant = new Kept("tenant");
const session = new Kept("session");
const sendings = new Sendings();
let shown: View | null = null;

function show(view: View, title = "Videos"): void {
  const first = shown === null;
  shown?.end();
  shown = view;
  document.title = title;
  main.replaceChildren(view.element);
  if (!first) view.focus.focus();
}

function signOut(why = ""): void {
  void sendings.end();
  tenant.forget();
  history.replaceState(null, "", "/");
  route(why);
}

function route(why = ""): void {
  const token = tenant.get();
  leave.hidden = who.hidden = token === "";
  who.textContent = claims(token)?.tenant ?? "";
  const [, asset] = /^#play\/([0-9a-f-]+)$/.exec(location.hash) ?? [];
  if (!token) {
    const taken = (given: string): void => {
      tenant.set(given);
      route();
    };
    show(signIn(why, taken), "Sign in");
  } else if (asset) show(new Watching(() => new Api(token).session(asset), true));
  else show(new Library(new Api(token), sendings, signOut));
}

/** Play what a link is for: `/play#` and a session's token, which is taken out of the address at once. */
function watch(): void {
  if (location.hash) session.set(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  show(new Watching(async () => session.get(), false));
}

fixed("skip", HTMLAnchorElement).addEventListener("click", (event) => {
  event.preventDefault(); // the address says what is shown
  main.focus();
});

if (location.pathname === "/play") {
  watch();
  addEventListener("hashchange", () => location.hash && watch());
} else {
  leave.addEventListener("click", () => signOut());
  addEventListener("hashchange", () => route());
  route();
}
