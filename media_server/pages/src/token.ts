// The token of who has signed in, for as long as the tab is open. It is in no URL and no other storage.

export interface Claims {
  tenant: string;
  purpose: string;
  /** Seconds since the epoch. */
  expires: number;
}

/** Return what a token says of itself, null if it says nothing. It is the server that judges it. */
export function claims(token: string): Claims | null {
  try {
    const said = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return { tenant: String(said.sub), purpose: String(said.aud), expires: Number(said.exp) };
  } catch {
    return null;
  }
}

/** A place in the tab's storage. */
export class Kept {
  constructor(private readonly name: string) {}

  get(): string {
    return sessionStorage.getItem(this.name) ?? "";
  }

  set(token: string): void {
    sessionStorage.setItem(this.name, token);
  }

  forget(): void {
    sessionStorage.removeItem(this.name);
  }
}
