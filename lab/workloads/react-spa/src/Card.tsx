import { icon, slug, type Course } from "catalogue";
import type { Enrolment } from "./useCatalogue.ts";

interface Props {
  course: Course;
  enrolment: Enrolment | undefined;
  enrol: (course: string) => void;
}

export function Card({ course, enrolment, enrol }: Props) {
  const done = enrolment === "done";
  const asking = enrolment === "asking";
  return (
    <li className="card">
      <div className={`art art-${slug(course.category)}`} aria-hidden="true">
        <svg className="line-drawing" viewBox="0 0 24 24">
          <path d={icon(course.category)} />
        </svg>
      </div>
      <div className="text">
        <p className="category">{course.category}</p>
        <h2>{course.title}</h2>
        <p className="summary">{course.summary}</p>
        <p className="facts">
          <span>{course.level}</span>
          <span>{course.hours === 1 ? "1 hour" : `${course.hours} hours`}</span>
        </p>
        <button
          type="button"
          className={done ? "button done" : "button"}
          disabled={done || asking}
          aria-label={`${done ? "Enrolled" : "Enrol"} in ${course.title}`}
          onClick={() => enrol(course.id)}
        >
          {done ? "✓ Enrolled" : asking ? "Enrolling…" : "Enrol"}
        </button>
        {typeof enrolment === "object" && (
          <p className="problem" role="alert">
            {enrolment.why}
          </p>
        )}
      </div>
    </li>
  );
}

export function Skeleton() {
  return (
    <li className="card" aria-hidden="true">
      <div className="art bone" />
      <div className="text">
        <div className="bone short" />
        <div className="bone" />
        <div className="bone" />
        <div className="bone short" />
      </div>
    </li>
  );
}
