// Choices of which one is made.

import { copy, part } from "./dom.ts";

/** Offer choices: values and what they are called. */
export function choose(where: HTMLElement, name: string, choices: string[][], made: string): void {
  where.replaceChildren(
    ...choices.map(([value = "", text = ""]) => {
      const label = copy("way");
      const input = part(label, "input", HTMLInputElement);
      Object.assign(input, { name, value });
      part(label, "label", HTMLSpanElement).textContent = text;
      return label;
    }),
  );
  check(where, made || (choices[0]?.[0] ?? ""));
}

/** Make a choice. */
export function check(where: HTMLElement, value: string): void {
  for (const input of where.querySelectorAll("input")) input.checked = input.value === value;
}
