import { describe, expect, test } from "vitest";
import { isReadable, warnOfPlain } from "../../lib/cli/plain.ts";

/** Somebody on the way reads what is not encrypted. The one who sends it there is told. */
const said = (url: string, environment: Readonly<Record<string, string>> = {}): readonly string[] => {
  const lines: string[] = [];
  warnOfPlain([url], environment, (line) => lines.push(line));
  return lines;
};

describe("credentials on their way to", () => {
  test.each([
    "http://lastbeat.example.com",
    "HTTP://lastbeat.example.com/prod",
    "http://10.0.0.7:8787",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://user@lastbeat.example.com",
    "http://127.0.0.1@lastbeat.example.com",
    "http://[2001:db8::1]:8787",
  ])("%s can be read, and that is said once", (url) => {
    expect(isReadable(url)).toBe(true);
    expect(said(url)).toHaveLength(1);
    expect(said(url)[0]).toContain("is not encrypted");
  });

  test.each([
    "https://lastbeat.example.com",
    "http://127.0.0.1:8787",
    "http://localhost:8787",
    "http://lastbeat.localhost",
    "http://[::1]:8787",
    "http://proxy.jobs.svc",
    "http://proxy.jobs.svc.cluster.local:8080",
    "http://lab.local",
  ])("%s stay on the machine or in the cluster, or are encrypted", (url) => {
    expect(said(url)).toEqual([]);
  });

  test("an address that somebody knows to be plain are not spoken of", () => {
    expect(said("http://10.0.0.7", { LASTBEAT_INSECURE: "1" })).toEqual([]);
    expect(said("http://10.0.0.7", { LASTBEAT_INSECURE: "0" })).toHaveLength(1);
  });
});
