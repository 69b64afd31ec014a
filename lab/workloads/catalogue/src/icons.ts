/** Paths of 24 × 24 line drawings, one a category. */
const ICONS: Record<string, string> = {
  data: "M4 20h16M7 16v-5M12 16V5M17 16v-8",
  language: "M4 6h10M9 4v2M12 6c-1 4-4 7-8 9M6 10c1 2 3 4 6 5M13 20l4-9 4 9M14.5 17h5",
  leadership: "M12 4l2.3 4.9 5.2.6-3.9 3.6 1.1 5.2-4.7-2.7-4.7 2.7 1.1-5.2L4.5 9.5l5.2-.6z",
  safety: "M12 3l8 3v6c0 4.5-3.3 7.7-8 9-4.7-1.3-8-4.5-8-9V6zM8.5 12l2.5 2.5 4.5-5",
  service: "M4 13v-1a8 8 0 0116 0v1M4 13h3v6H4zM17 13h3v6h-3zM19 19c0 1.5-2 2-5 2",
  technology: "M5 11h14v9H5zM8 11V8a4 4 0 018 0v3M12 15v2",
};

const OTHER = "M4 5h7v15H4zM13 5h7v15h-7zM7 9h1M16 9h1";

/** The drawing of a category. */
export function icon(category: string): string {
  return ICONS[category.toLowerCase()] ?? OTHER;
}
