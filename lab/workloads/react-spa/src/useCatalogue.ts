import { Api, learner, type Course } from "catalogue";
import { useCallback, useEffect, useState } from "react";

/** What is known of the courses: nothing yet, what went wrong, or all of them. */
export type Catalogue =
  | { state: "loading" }
  | { state: "failed"; why: string }
  | { state: "ready"; courses: Course[] };

/** Of one course: being enrolled, enrolled, or why not. */
export type Enrolment = "asking" | "done" | { why: string };

/** Load the courses and what this browser's learner is enrolled in, and enrol. */
export function useCatalogue() {
  const [catalogue, setCatalogue] = useState<Catalogue>({ state: "loading" });
  const [region, setRegion] = useState("");
  const [enrolments, setEnrolments] = useState<Record<string, Enrolment>>({});

  const load = useCallback(async () => {
    setCatalogue({ state: "loading" });
    try {
      const api = Api.ofPage();
      const served = await api.courses();
      setRegion(served.region);
      setCatalogue({ state: "ready", courses: served.value });
      // Courses are of use without them, so that a failure is told only to who enrols.
      const enrolled = await api.enrolments(learner()).catch(() => undefined);
      for (const course of enrolled?.value ?? []) setEnrolments((known) => ({ ...known, [course]: "done" }));
    } catch (error) {
      setRegion("");
      setCatalogue({ state: "failed", why: (error as Error).message });
    }
  }, []);

  const enrol = useCallback(async (course: string) => {
    const note = (enrolment: Enrolment) => setEnrolments((known) => ({ ...known, [course]: enrolment }));
    note("asking");
    try {
      setRegion((await Api.ofPage().enrol(course, learner())).region);
      note("done");
    } catch (error) {
      note({ why: (error as Error).message });
    }
  }, []);

  useEffect(() => void load(), [load]);
  return { catalogue, region, enrolments, load, enrol };
}
