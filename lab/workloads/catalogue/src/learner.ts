const KEY = "learner";

/** Who uses this browser: an id of its own, since there is no sign-in. */
export function learner(store: Storage = localStorage): string {
  const id = store.getItem(KEY) ?? crypto.randomUUID();
  store.setItem(KEY, id);
  return id;
}
