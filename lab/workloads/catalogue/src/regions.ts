const PLACES: Record<string, string> = {
  "me-west-1": "Saudi Arabia",
  "me-central-1": "UAE",
  "eu-central-1": "Frankfurt",
  "eu-west-1": "Ireland",
};

/** What people call a region; its code where nobody has named it. */
export function place(region: string): string {
  return PLACES[region] ?? region;
}
