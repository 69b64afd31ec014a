// What is uploaded: a file, what it shall be called, what shall be made of it.

import { inWords, type Offer } from "./api.ts";
import { part, tell } from "./dom.ts";
import { stem } from "./words.ts";

/** Have a form take files.
 * @param order Creates the asset and begins to send; it throws what is wrong.
 */
export function uploads(form: HTMLFormElement, order: (title: string, offers: Offer[], file: File) => Promise<void>): void {
  const file = part(form, "file", HTMLInputElement);
  const title = part(form, "title", HTMLInputElement);
  const container = part(form, "container", HTMLSelectElement);
  const [aes128, cbcs] = [part(form, "aes128", HTMLInputElement), part(form, "cbcs", HTMLInputElement)];
  const problem = part(form, "problem", HTMLParagraphElement);
  const submit = form.querySelector("button");

  const wrong = (text: string, where?: HTMLInputElement): void => {
    for (const each of [file, title, aes128]) each.toggleAttribute("aria-invalid", each === where);
    tell(problem, text);
    where?.focus();
  };

  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    if (chosen && title.value.trim() === "") title.value = stem(chosen.name);
    wrong("");
  });
  aes128.addEventListener("change", () => {
    container.disabled = !aes128.checked;
  });

  const take = async (): Promise<void> => {
    const chosen = file.files?.[0];
    const offers: Offer[] = [
      ...(aes128.checked ? [{ profile: "aes128", container: container.value === "ts" ? "ts" : "fmp4" } as const] : []),
      ...(cbcs.checked ? [{ profile: "cbcs", container: "fmp4" } as const] : []),
    ];
    if (!chosen) return wrong("Choose a file.", file);
    if (chosen.size === 0) return wrong("The file is empty: choose another.", file);
    if (title.value.trim() === "") return wrong("Give it a title.", title);
    if (offers.length === 0) return wrong("Choose what shall be made of it: AES-128, ClearKey or both.", aes128);
    wrong("");
    try {
      await order(title.value.trim(), offers, chosen);
      form.reset();
      container.disabled = false;
    } catch (error) {
      wrong(inWords(error));
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit?.disabled) return;
    submit?.setAttribute("disabled", "");
    await take();
    submit?.removeAttribute("disabled");
  });
}
