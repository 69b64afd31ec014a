import { describe, expect, test, vi } from "vitest";
import { Api, ApiError, apiBase, categories, icon, learner, matching, place, slug, type Course } from "./index.ts";

const SAFETY: Course = { id: "safety", title: "Safety First", summary: "Seeing risks", category: "Safety", level: "Beginner", hours: 2 };
const DATA: Course = { id: "data", title: "Data for Teams", summary: "Reading charts", category: "Data", level: "Beginner", hours: 4 };

function answering(status: number, body: unknown) {
  return vi.fn(async (_url: string | URL | Request, _init?: RequestInit) => Response.json(body, { status }));
}

describe("where the API is", () => {
  test.each([
    ["app.kc-lab.test", "https://api.kc-lab.test"],
    ["learn.example.com", "https://api.example.com"],
    ["app.staging.example.com", "https://api.staging.example.com"],
  ])("of %s", (host, base) => expect(apiBase(host)).toBe(base));

  test.each(["localhost", "app.test", ""])("of %j is not known", (host) => expect(() => apiBase(host)).toThrow(ApiError));
});

describe("the API", () => {
  test("tells the courses, and the region that served them", async () => {
    const request = answering(200, { region: "me-west-1", courses: [SAFETY] });
    expect(await new Api("https://api.test", request).courses()).toEqual({ region: "me-west-1", value: [SAFETY] });
    expect(request.mock.calls[0]?.[0]).toBe("https://api.test/courses");
  });

  test("is asked for one learner's enrolments", async () => {
    const request = answering(200, { region: "me-west-1", enrolments: [{ course: "safety" }] });
    expect((await new Api("https://api.test", request).enrolments("a b")).value).toEqual(new Set(["safety"]));
    expect(request.mock.calls[0]?.[0]).toBe("https://api.test/enrolments?learner=a%20b");
  });

  test("enrols", async () => {
    const request = answering(201, { region: "eu-central-1", enrolment: {} });
    expect((await new Api("https://api.test", request).enrol("safety", "me")).region).toBe("eu-central-1");
    expect(JSON.parse(String(request.mock.calls[0]?.[1]?.body))).toEqual({ course: "safety", learner: "me" });
  });

  test("says why it can't", async () => {
    const api = new Api("https://api.test", answering(503, { detail: "There is no database.", region: "me-west-1" }));
    await expect(api.enrol("safety", "me")).rejects.toMatchObject({ message: "There is no database.", status: 503, region: "me-west-1" });
  });

  test("that answers a proxy's page is an error for people", async () => {
    const api = new Api("https://api.test", async () => new Response("<html>", { status: 502 }));
    await expect(api.courses()).rejects.toMatchObject({ message: "Our servers could not answer that.", status: 502 });
  });

  test("that can't be reached is an error for people", async () => {
    const api = new Api("https://api.test", async () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(api.courses()).rejects.toThrow("Our servers can’t be reached right now.");
  });
});

describe("searching", () => {
  test.each([
    ["", "", ["safety", "data"]],
    ["CHARTS", "", ["data"]],
    ["data teams", "", ["data"]],
    ["data risks", "", []],
    ["", "Safety", ["safety"]],
    ["charts", "Safety", []],
  ])("for %j in %j", (words, category, ids) =>
    expect(matching([SAFETY, DATA], words, category).map((course) => course.id)).toEqual(ids),
  );

  test("knows the categories", () => expect(categories([SAFETY, DATA, SAFETY])).toEqual(["Safety", "Data"]));
  test("names a category's class", () => expect(slug("Health & Care")).toBe("health-care"));
  test("draws every category", () => expect(new Set([icon("Safety"), icon("Data"), icon("Cooking")]).size).toBe(3));
});

test("a region has a name people know, or its code", () => {
  expect([place("me-west-1"), place("xx-north-9")]).toEqual(["Saudi Arabia", "xx-north-9"]);
});

test("a browser keeps its learner", () => {
  const kept = new Map<string, string>();
  const store = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) };
  const first = learner(store as unknown as Storage);
  expect(learner(store as unknown as Storage)).toBe(first);
});
