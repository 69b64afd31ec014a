import { Api, learner } from "catalogue";

/** The courses, and which of them this browser's learner takes. */
export class Learning {
  /** @type {"loading" | "failed" | "ready"} */
  state = $state("loading");
  /** Why it failed. */
  why = $state("");
  /** Which region answered last. */
  region = $state("");
  /** @type {import("catalogue").Course[]} */
  courses = $state([]);
  /** Ids of the courses that are taken; null while that is not known. @type {Set<string> | null} */
  taken = $state(null);
  /** Of a course: that it is being asked for, or why that failed. @type {Record<string, { asking?: boolean, why?: string }>} */
  asked = $state({});

  mine = $derived(this.courses.filter((course) => this.taken?.has(course.id)));
  others = $derived(this.courses.filter((course) => !this.taken?.has(course.id)));

  async load() {
    this.state = "loading";
    try {
      const api = Api.ofPage();
      const served = await api.courses();
      this.courses = served.value;
      this.region = served.region;
      this.state = "ready";
      // Courses can be looked at without them.
      this.taken = await api.enrolments(learner()).then(({ value }) => value, () => null);
    } catch (error) {
      this.region = "";
      this.why = error.message;
      this.state = "failed";
    }
  }

  /** @param {string} course */
  async enrol(course) {
    this.asked[course] = { asking: true };
    try {
      this.region = (await Api.ofPage().enrol(course, learner())).region;
      this.taken = new Set([...(this.taken ?? []), course]);
      this.asked[course] = {};
    } catch (error) {
      this.asked[course] = { why: error.message };
    }
  }
}
