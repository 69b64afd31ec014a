import { Api, inWords, Problem } from "./api.ts";
import { copy, part, tell } from "./dom.ts";
import { claims } from "./token.ts";
import type { View } from "./view.ts";

/** Ask for a token.
 * @param why Said at the beginning, such as that the last one has expired.
 * @param taken Is given one that the server takes.
 */
export function signIn(why: string, taken: (token: string) => void): View {
  const element = copy("sign-in");
  const token = part(element, "token", HTMLInputElement);
  const problem = part(element, "problem", HTMLParagraphElement);
  tell(problem, why);

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = token.value.trim();
    const wrong = await judged(given);
    tell(problem, wrong);
    token.toggleAttribute("aria-invalid", wrong !== "");
    if (wrong) token.focus();
    else taken(given);
  });
  return { element, focus: token, end: () => {} };
}

/** Return what is wrong with a token, or nothing. */
async function judged(token: string): Promise<string> {
  if (!token) return "Paste your access token.";
  const said = claims(token);
  if (!said) return "This is no access token: it has three parts with dots between them.";
  if (said.purpose !== "tenant") return "This token is for something else: a tenant’s is asked for.";
  if (said.expires * 1000 <= Date.now()) return "This token has expired: get another one.";
  try {
    await new Api(token).assets();
    return "";
  } catch (error) {
    return error instanceof Problem && error.status === 401 ? "The server does not know this token: get another one." : inWords(error);
  }
}
