export * from "./api.ts";
export * from "./icons.ts";
export * from "./learner.ts";
export * from "./regions.ts";
export * from "./search.ts";
