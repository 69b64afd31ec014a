import type { Course } from "./api.ts";

/** The courses of a category ("" is all of them) whose title or summary has all of the words. */
export function matching(courses: Course[], words: string, category = ""): Course[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return courses.filter((course) => {
    const text = `${course.title} ${course.summary} ${course.category}`.toLowerCase();
    return (!category || course.category === category) && wanted.every((word) => text.includes(word));
  });
}

/** The categories, in the order in which courses have them. */
export function categories(courses: Course[]): string[] {
  return [...new Set(courses.map((course) => course.category))];
}

/** A category as a part of a class name. */
export function slug(category: string): string {
  return category.toLowerCase().replace(/[^a-z]+/g, "-");
}
