import { categories, matching, place } from "catalogue";
import { useState } from "react";
import logo from "./icon.svg";
import { Card, Skeleton } from "./Card.tsx";
import { Failure } from "./Failure.tsx";
import { useCatalogue } from "./useCatalogue.ts";

export function App() {
  const { catalogue, region, enrolments, load, enrol } = useCatalogue();
  const [words, setWords] = useState("");
  const [category, setCategory] = useState("");
  const courses = catalogue.state === "ready" ? catalogue.courses : [];
  const shown = matching(courses, words, category);

  return (
    <>
      <a className="skip" href="#courses">
        Skip to the courses
      </a>
      <header className="bar">
        <div className="wide">
          <div className="brand">
            <img src={logo} alt="" width="34" height="34" />
            KnowledgeCity <span>Catalogue</span>
          </div>
          <Region code={region} failed={catalogue.state === "failed"} />
        </div>
      </header>
      <main className="wide">
        <section className="hero">
          <h1>Find what your people should learn next</h1>
          <p>Short courses by practitioners, for teams of every size. Choose one and start today.</p>
          <input
            type="search"
            aria-label="Search courses"
            placeholder="Search courses"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        </section>
        {catalogue.state === "failed" ? (
          <Failure why={catalogue.why} retry={load} />
        ) : (
          <section id="courses" aria-busy={catalogue.state === "loading"} aria-label="Courses">
            <div className="filters">
              {catalogue.state === "ready" && (
                <>
                  {["", ...categories(courses)].map((one) => (
                    <button key={one} type="button" className="chip" aria-pressed={category === one} onClick={() => setCategory(one)}>
                      {one || "All courses"}
                    </button>
                  ))}
                  <p role="status">{shown.length === 1 ? "1 course" : `${shown.length} courses`}</p>
                </>
              )}
            </div>
            <ul className="grid">
              {catalogue.state === "loading" && Array.from({ length: 6 }, (_, number) => <Skeleton key={number} />)}
              {shown.map((course) => (
                <Card key={course.id} course={course} enrolment={enrolments[course.id]} enrol={enrol} />
              ))}
            </ul>
            {catalogue.state === "ready" && !shown.length && <p className="nothing">No course matches. Try other words.</p>}
          </section>
        )}
      </main>
      <footer className="foot wide">© KnowledgeCity</footer>
    </>
  );
}

function Region({ code, failed }: { code: string; failed: boolean }) {
  return (
    <p className={`region ${code ? "up" : failed ? "down" : ""}`} data-region={code} role="status">
      {code && (
        <>
          <span className="aside">Served from</span> <strong>{place(code)}</strong> <code>{code}</code>
        </>
      )}
      {!code && (failed ? "Not connected" : "Connecting…")}
    </p>
  );
}
