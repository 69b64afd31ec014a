// What is on the page: copies of the templates in index.html, and their parts by name.

type Kind<T> = new () => T;

/** Return a template's content, anew. */
export function copy(template: string): HTMLElement {
  const found = document.getElementById(template);
  if (!(found instanceof HTMLTemplateElement)) throw new Error(`there is no template ${template}`);
  return (found.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
}

/** Return the part of a name, which is an element of a kind. */
export function part<T extends HTMLElement>(of: ParentNode, name: string, kind: Kind<T>): T {
  return known(of.querySelector(`[data-part="${name}"]`), name, kind);
}

/** Return what the page has once, by its id. */
export function fixed<T extends HTMLElement>(id: string, kind: Kind<T>): T {
  return known(document.getElementById(id), id, kind);
}

/** Show a text, or hide its place where there is none. */
export function tell(where: HTMLElement, text: string): void {
  where.hidden = text === "";
  // a live region speaks when its text changes: what is the same is not said twice
  if (where.textContent !== text) where.textContent = text;
}

/** Do something once an element is to be seen. */
export function whenSeen(element: Element, act: () => void): void {
  const looking = new IntersectionObserver((found) => {
    if (!found.some(({ isIntersecting }) => isIntersecting)) return;
    looking.disconnect();
    act();
  });
  looking.observe(element);
}

/** Say something to whoever does not see it. */
export function say(text: string): void {
  fixed("said", HTMLParagraphElement).textContent = text;
}

function known<T extends HTMLElement>(found: Element | null, name: string, kind: Kind<T>): T {
  if (!(found instanceof kind)) throw new Error(`there is no ${kind.name} ${name}`);
  return found;
}
