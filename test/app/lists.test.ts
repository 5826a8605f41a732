import { describe, expect, test } from "vitest";
import { listEnded, listLive } from "../../lib/app/inspect.ts";
import { cancel } from "../../lib/app/owner-requests.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { type Service, service, ticketOf } from "./service.ts";

/** So many runs that ended in the last minute, in whatever shards. */
async function ended(app: Service, count: number): Promise<void> {
  let rolled = 0;
  app.dice.roll = () => {
    rolled = (rolled + 0.618033988749895) % 1;
    return rolled;
  };
  for (let index = 0; index < count; index += 1) {
    await ticketOf(app, `ended-${(index * 7919) % 10007}`);
    await cancel(app, `ended-${(index * 7919) % 10007}`);
  }
}

function counted(app: Service): () => number {
  let queries = 0;
  const { list } = app.runs;
  app.runs.list = async (...asked) => {
    queries += 1;
    return list(...asked);
  };
  return () => queries;
}

describe("a list of live runs behind 10,000 that have ended", () => {
  test("costs a few queries, however few are asked for", async () => {
    const app = service();
    await ended(app, 10_000);
    const queries = counted(app);
    expect(await listLive(app, 1)).toEqual({ runs: [] });
    expect(queries()).toBeLessThanOrEqual(30);
  });

  test("gives all of them once by its cursors, a few at a time", async () => {
    const app = service();
    await ended(app, 3000);
    for (let index = 0; index < 25; index += 1) await ticketOf(app, `live-${index}`);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listLive(app, 2, cursor);
      expect(page.runs.length).toBeLessThanOrEqual(2);
      found.push(...page.runs.map(({ run }) => run));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found.toSorted()).toEqual(Array.from({ length: 25 }, (_, index) => `live-${index}`).toSorted());
  });

  test("ends a call after 40 pages, and goes on by its cursor", async () => {
    const app = service();
    const [run] = [await ticketOf(app, "z-live")];
    const item = app.runs.look(run);
    if (item === undefined) throw new Error("no item");
    await cancel(app, "z-live");
    let pages = 0;
    app.runs.list = async () => {
      pages += 1;
      return pages < 45 ? { runs: [app.runs.look(run) ?? item], cursor: `p${pages}` } : { runs: [item] };
    };
    const first = await listLive(app, 1);
    expect([first.runs, pages]).toEqual([[], 40]);
    expect((await listLive(app, 1, first.cursor)).runs).toEqual([item]);
  });
});

test("a list of ended runs since another decade looks back as far as records are kept, and no further", async () => {
  const app = service();
  const asked: unknown[] = [];
  app.endedRuns.list = async (...all) => {
    asked.push(all[1]);
    return { runs: [] };
  };
  await listEnded(app, 10, instant(Date.parse("2010-01-01T00:00:00Z")));
  await listEnded(app, 10, undefined);
  await listEnded(app, 10, after(app.now(), seconds(-60)));
  const oldest = after(app.now(), seconds(-30 * 24 * 3600));
  expect(asked).toEqual([oldest, oldest, after(app.now(), seconds(-60))]);
});
