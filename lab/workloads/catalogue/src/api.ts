// The API's client: where it is, and what it answers.

export interface Course {
  id: string;
  title: string;
  summary: string;
  category: string;
  level: string;
  hours: number;
}

/** An answer, with the region that gave it. */
export interface Served<T> {
  region: string;
  value: T;
}

/** Why there is no answer, said for people. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status = 0,
    readonly region = "",
  ) {
    super(message);
  }
}

const PATIENCE = 10_000;

/**
 * Where the API is: beside the page's own host. One build serves every environment, since app.<domain> and
 * learn.<domain> both lead to api.<domain>.
 */
export function apiBase(host: string): string {
  const domain = host.slice(host.indexOf(".") + 1);
  if (!host.includes(".") || !domain.includes(".")) {
    throw new ApiError(`${host} is not a host of the platform, so its API is not known.`);
  }
  return `https://api.${domain}`;
}

export class Api {
  constructor(
    private readonly base: string,
    private readonly request: typeof fetch = (...args) => fetch(...args),
  ) {}

  /** The API that belongs to the page's host. */
  static ofPage(): Api {
    return new Api(apiBase(location.hostname));
  }

  async courses(): Promise<Served<Course[]>> {
    const { region, courses } = await this.ask<{ courses: Course[] }>("/courses");
    return { region, value: courses };
  }

  /** Ids of the courses that somebody is enrolled in. */
  async enrolments(learner: string): Promise<Served<Set<string>>> {
    const { region, enrolments } = await this.ask<{ enrolments: { course: string }[] }>(
      `/enrolments?learner=${encodeURIComponent(learner)}`,
    );
    return { region, value: new Set(enrolments.map((one) => one.course)) };
  }

  /** Enrol somebody; doing it twice is no error. */
  async enrol(course: string, learner: string): Promise<Served<void>> {
    const { region } = await this.ask("/enrolments", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ course, learner }),
    });
    return { region, value: undefined };
  }

  private async ask<T>(path: string, init: RequestInit = {}): Promise<T & { region: string }> {
    let answer: Response;
    try {
      answer = await this.request(this.base + path, { ...init, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      throw new ApiError("Our servers can’t be reached right now.");
    }
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw new ApiError(body.detail ?? "Our servers could not answer that.", answer.status, body.region);
    }
    return body;
  }
}
