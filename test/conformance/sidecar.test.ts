import { existsSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { RecordView } from "../../lib/wire/run-view.ts";
import { lastbeat, post, recordWhen, register, type Server, server, stop } from "../e2e/processes.ts";
import { GO, hasGo } from "./agents.ts";
import { type Pod, probeOn, startPod } from "./pod.ts";
import { behaviour as behaviourOf, runs, until } from "./table.ts";

describe.runIf(hasGo && process.platform === "linux")("the sidecar", () => {
  let dev: Server;
  let pods: Pod[] = [];
  beforeAll(async () => {
    dev = await server();
  });
  afterEach(async () => {
    for (const pod of pods) await pod.close();
    pods = [];
  });
  afterAll(() => stop(dev));

  const behaviour = (title: string, act: () => Promise<boolean>): void => behaviourOf("sidecar", title, act);

  async function pod(
    ticket: string,
    script: string,
    more: Partial<Parameters<typeof startPod>[0]> & { of?: Server; host?: string } = {},
  ): Promise<Pod> {
    const { of = dev, host = "i-0e2e", environment, ...settings } = more;
    const started = await startPod({
      program: () => [GO],
      environment: { LASTBEAT_URL: of.info.api, LASTBEAT_TICKET: ticket, LASTBEAT_HOST: host, ...environment },
      main: ["sh", "-c", script],
      ...settings,
    });
    pods.push(started);
    return started;
  }

  const ended = (run: string): Promise<RecordView> =>
    recordWhen(dev, run, ({ attempts }) => attempts[0]?.endedAt !== undefined);

  behaviour("a success of the work is a success of the run", async () => {
    const of = await pod(await register(dev, "success"), "sleep 1");
    const { outcome } = await ended("success");
    return outcome === "succeeded" && (await of.sidecar().left) === 0;
  });

  behaviour("the exit code of the work is in the ledger", async () => {
    await pod(await register(dev, "seven"), "exit 7");
    const { attempts } = await ended("seven");
    return attempts[0]?.cause === "crashed" && attempts[0].exitCode === 7;
  });

  behaviour("of two with one ticket the second is refused, and does no work", async () => {
    const ticket = await register(dev, "gate", { leaseSeconds: 60 });
    const first = await pod(ticket, "sleep 600");
    await until(() => first.main() !== undefined);
    const second = await pod(ticket, "sleep 600");
    await second.sidecar().line(/held by another|held-by-another/);
    return (await second.probe("started")) !== 200 && second.main() === undefined && first.main() !== undefined;
  });

  behaviour("it says why it stops the work", async () => {
    const of = await pod(await register(dev, "canceled", { leaseSeconds: 5 }), "exec sleep 600");
    await until(() => of.main() !== undefined);
    await post(dev, "/v1/runs/canceled/cancel", { reason: "a mistake" });
    const { outcome } = await recordWhen(dev, "canceled", ({ state }) => state === "ended");
    return outcome === "canceled" && !runs(of.main() ?? 0) && of.said().includes("the run is stopped (a mistake)");
  });

  behaviour("it stops the work when it is cut off, before the lease is over", async () => {
    const own = await server();
    const of = await pod(await register(own, "cut-off", { leaseSeconds: 8 }), "exec sleep 600", { of: own });
    await until(() => of.main() !== undefined);
    const [at, main] = [Date.now(), of.main() ?? 0];
    own.program.child.kill("SIGSTOP");
    const isOver = await until(() => !runs(main));
    const took = Date.now() - at;
    own.program.child.kill("SIGKILL");
    return isOver && took < 8000 && of.said().includes("no beat was acknowledged in time");
  });

  behaviour("when the agent alone is killed, the next one goes on with the attempt", async () => {
    const of = await pod(await register(dev, "killed", { leaseSeconds: 30 }), "exec sleep 4");
    await until(() => of.main() !== undefined);
    const first = of.sidecar();
    first.child.kill("SIGKILL");
    await first.left;
    const { outcome, attempts } = await ended("killed");
    return outcome === "succeeded" && attempts.length === 1 && of.sidecar() !== first;
  });

  behaviour("killed and cut off at once, the next agent still stops the work in time", async () => {
    const own = await server();
    const of = await pod(await register(own, "both", { leaseSeconds: 8 }), "exec sleep 600", { of: own });
    await until(() => of.main() !== undefined);
    const [at, main] = [Date.now(), of.main() ?? 0];
    own.program.child.kill("SIGKILL");
    of.sidecar().child.kill("SIGKILL");
    const isOver = await until(() => !runs(main));
    return isOver && Date.now() - at < 8000;
  });

  behaviour("when the kubelet is dead, it stops the work itself, where it sees its processes", async () => {
    const ticket = await register(dev, "no-kubelet", { leaseSeconds: 5 });
    const [, , fence = ""] = ticket.split(".");
    const of = await pod(ticket, "exec sleep 600", {
      mainEnvironment: { LASTBEAT_RUN_ID: "no-kubelet", LASTBEAT_FENCE: fence },
    });
    await until(() => of.main() !== undefined);
    of.kubeletDies();
    await post(dev, "/v1/runs/no-kubelet/cancel");
    return until(() => !runs(of.main() ?? 0));
  });

  behaviour("where it sees the processes of the work, they have all their time to drain", async () => {
    const ticket = await register(dev, "drains", { leaseSeconds: 5 });
    const [, , fence = ""] = ticket.split(".");
    const of = await pod(ticket, "trap 'sleep 6; exit 0' TERM; while :; do sleep 0.1; done", {
      mainEnvironment: { LASTBEAT_RUN_ID: "drains", LASTBEAT_FENCE: fence },
      host: "i-drains",
    });
    await until(() => of.main() !== undefined);
    await post(dev, "/v1/hosts/i-drains/drain", { deadlineSeconds: 60 });
    // The kubelet of this test kills after a second.
    return (await recordWhen(dev, "drains", ({ state }) => state === "ended")).outcome === "succeeded";
  });

  behaviour(
    "an agent that is killed in a drain comes back to it, and the work ends before its successor starts",
    async () => {
      const ticket = await register(dev, "drain-restart", { leaseSeconds: 60 });
      const [, , fence = ""] = ticket.split(".");
      const of = await pod(ticket, "trap '' TERM; sleep 4; exit 3", {
        mainEnvironment: { LASTBEAT_RUN_ID: "drain-restart", LASTBEAT_FENCE: fence },
        host: "i-drain-restart",
      });
      await until(() => of.main() !== undefined);
      await post(dev, "/v1/hosts/i-drain-restart/drain", { deadlineSeconds: 60 });
      await recordWhen(dev, "drain-restart", ({ state }) => state === "leaving");
      const first = of.sidecar();
      first.child.kill("SIGKILL");
      await first.left;
      const { attempts } = await ended("drain-restart");
      return !runs(of.main() ?? 0) && attempts[0]?.exitCode === 3;
    },
  );

  behaviour("a success that falls between two processes of the agent is reported", async () => {
    const of = await pod(await register(dev, "between", { leaseSeconds: 30 }), "sleep 2");
    await until(() => of.main() !== undefined);
    const first = of.sidecar();
    first.child.kill("SIGSTOP");
    await until(() => !runs(of.main() ?? 0), 5);
    first.child.kill("SIGKILL");
    await first.left;
    of.restart();
    return (await ended("between")).outcome === "succeeded";
  });

  behaviour("work that an eviction ends is an interruption", async () => {
    const of = await pod(await register(dev, "evicted"), "exec sleep 600");
    await until(() => of.main() !== undefined);
    of.evict();
    return (await ended("evicted")).attempts[0]?.cause === "interrupted";
  });

  behaviour("work that the kubelet ends because the agent did not answer is an interruption", async () => {
    const of = await pod(await register(dev, "deaf", { leaseSeconds: 30 }), "exec sleep 600");
    await until(() => of.main() !== undefined);
    const first = of.sidecar();
    first.child.kill("SIGKILL");
    await first.left;
    await until(() => of.sidecar() !== first && of.said().includes("goes on"));
    of.end(); // as the kubelet does after too many probes that failed
    return (await ended("deaf")).attempts[0]?.cause === "interrupted";
  });

  behaviour("the success of another pod of the same name is not taken for ours", async () => {
    const of = await pod(await register(dev, "replaced", { leaseSeconds: 5 }), "exec sleep 600");
    await until(() => of.main() !== undefined);
    of.replace();
    await until(async () => (await of.probe("leaving")) === 200);
    const { attempts } = await ended("replaced");
    return attempts[0]?.cause === "lost" && !runs(of.main() ?? 0);
  });

  behaviour("the end of the work is found beside a container that goes on", async () => {
    const of = await pod(await register(dev, "beside", { leaseSeconds: 60 }), "sleep 1", {
      spec: (port) => ({
        restartPolicy: "Never",
        initContainers: [{ name: "lastbeat", restartPolicy: "Always", startupProbe: probeOn("/started", port) }],
        containers: [{ name: "main", livenessProbe: probeOn("/live", port) }, { name: "logs" }],
      }),
      environment: { LASTBEAT_CONTAINER: "main" },
      isAlone: false,
    });
    return (await ended("beside")).outcome === "succeeded" && of.said().includes("there are containers beside main");
  });

  behaviour("without the right to read its pod it claims nothing, and says why", async () => {
    const ticket = await register(dev, "forbidden");
    const of = await pod(ticket, "sleep 1", { failure: 403 });
    const code = await of.sidecar().left;
    const { state } = await recordWhen(dev, "forbidden", () => true);
    return code === 125 && state === "queued" && of.said().includes("the service account may not get the pod");
  });

  behaviour("somebody who keeps connections open does not keep the kubelet out", async () => {
    const of = await pod(await register(dev, "open", { leaseSeconds: 30 }), "sleep 4");
    await until(() => of.main() !== undefined);
    const held = Array.from({ length: 100 }, () => connect(of.port, "127.0.0.1").on("error", () => {}));
    const { outcome } = await ended("open");
    for (const socket of held) socket.destroy();
    return outcome === "succeeded";
  });

  behaviour("a pod that is deleted tells the service at once, and its end is an interruption", async () => {
    const ready = join(tmpdir(), `lastbeat-ready-${process.pid}`);
    const script = `trap 'sleep 1; exit 143' TERM; : > ${ready}; while :; do sleep 0.1; done`;
    const of = await pod(await register(dev, "deleted"), script);
    await until(() => existsSync(ready));
    rmSync(ready);
    void of.delete();
    const leaving = await recordWhen(dev, "deleted", ({ state }) => state !== "running");
    const { attempts } = await ended("deleted");
    return leaving.state === "leaving" && attempts[0]?.cause === "interrupted";
  });

  behaviour("work that was killed for want of memory is charged to memory, with its limit", async () => {
    const of = await pod(await register(dev, "memory"), "exec sleep 2");
    await until(() => of.main() !== undefined);
    of.show({ terminated: { exitCode: 137, reason: "OOMKilled" } });
    const { attempts } = await ended("memory");
    const [first] = attempts;
    return first?.cause === "out-of-memory" && first.charged === "memory" && first.memoryLimitBytes === 536_870_912;
  });

  behaviour("work that could not be started is said", async () => {
    const of = await pod(await register(dev, "unstartable"), "exec sleep 2");
    await until(() => of.main() !== undefined);
    of.show({ terminated: { exitCode: 128, reason: "StartError", message: "trian: not found" } });
    const { attempts } = await ended("unstartable");
    return attempts[0]?.cause === "unstartable" && attempts[0].message === "StartError: trian: not found";
  });

  behaviour("an API that fails at the end is asked again", async () => {
    const of = await pod(await register(dev, "api"), "exec sleep 2");
    await until(() => of.main() !== undefined);
    of.fail(503);
    await until(() => of.said().includes("how the main container is, is not known: status 503"));
    of.fail(undefined);
    return (await ended("api")).outcome === "succeeded";
  });

  behaviour("what is wrong with the pod is said at the start", async () => {
    const of = await pod(await register(dev, "wrong"), "sleep 2", {
      spec: (port) => ({
        restartPolicy: "OnFailure",
        initContainers: [{ name: "lastbeat", restartPolicy: "Always" }],
        containers: [{ name: "main", livenessProbe: { httpGet: { path: "/live", port }, periodSeconds: 10 } }],
      }),
    });
    await ended("wrong");
    return [
      "restartPolicy is OnFailure",
      "has a startupProbe on /started: the main container does not wait",
      "takes up to 1m1s to stop it, and the lease leaves 20s",
    ].every((line) => of.said().includes(line));
  });

  behaviour("a probe that runs a program has the same answers", async () => {
    const of = await pod(await register(dev, "probe"), "exec sleep 600");
    await until(() => of.main() !== undefined);
    const port = /--port (\d+)/.exec(of.sidecar().child.spawnargs.join(" "))?.[1] ?? "";
    const ask = (name: string, at = port) => lastbeat(["probe", name, "--port", at], {}, [GO]).left;
    return (await ask("live")) === 0 && (await ask("started")) === 0 && (await ask("live", "1")) === 1;
  });
});
