import { Duration } from "aws-cdk-lib";
import { MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import { METRICS } from "../lib/names.ts";

/** The metrics of Lastbeat, each over a minute. There is no metric per run: each would cost $0.30 a month. */
export class Metrics {
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs that have not ended, as the sweeps see them. */
  liveRuns(): Metric {
    return this.metric(METRICS.live, "Maximum");
  }

  /** Seconds between two sweeps. */
  sweepAge(): Metric {
    return this.metric(METRICS.sweepAge, "Maximum");
  }

  /** The age of the oldest debt in seconds. A debt is a message or a record that is decided and not written yet. */
  debtAge(): Metric {
    return this.metric(METRICS.debtAge, "Maximum");
  }

  /** 1 while the fleet is silent at once or the canary fails: then no run is declared lost by the clock alone. */
  frozen(): Metric {
    return this.metric(METRICS.frozen, "Maximum");
  }

  /** 1 when verdicts continue although the fleet is silent, because the silence has lasted for 15 minutes. */
  valveOpen(): Metric {
    return this.metric(METRICS.valveOpen, "Maximum");
  }

  /**
   * 1 for a minute in which the canary's beats did not get through the front door, 0 for a minute in which they did.
   */
  canaryFailed(): Metric {
    return this.metric(METRICS.canaryFailed, "Sum");
  }

  /** 1 for a look at a cluster that did not answer. */
  dispatchDelayed(): Metric {
    return this.metric(METRICS.dispatchDelayed, "Sum");
  }

  clusterSilent(): Metric {
    return this.metric(METRICS.clusterSilent, "Sum");
  }

  /** Ended attempts of one cause (docs/protocol.md lists them). */
  verdicts(cause: string): Metric {
    return this.metric(METRICS.verdicts, "Sum", { [METRICS.cause]: cause });
  }

  /** The same for every cause, with a line for each. Only for dashboards: alarms cannot search. */
  verdictsByCause(): MathExpression {
    const { namespace, name, cause, verdicts } = METRICS;
    return new MathExpression({
      expression: `SEARCH('{${namespace},${name},${cause}} MetricName="${verdicts}" ${name}="${this.name}"', 'Sum', 60)`,
      usingMetrics: {},
      label: "",
      period: Duration.minutes(1),
    });
  }

  /**
   * Seconds from the last beat of a lost attempt to its verdict. `statistic`: its name in CloudWatch, such as p50 or
   * p99.
   */
  detectionLatency(statistic = "p99"): Metric {
    return this.metric(METRICS.detection, statistic, { [METRICS.cause]: "lost" });
  }

  private metric(metricName: string, statistic: string, more: Readonly<Record<string, string>> = {}): Metric {
    return new Metric({
      namespace: METRICS.namespace,
      metricName,
      dimensionsMap: { [METRICS.name]: this.name, ...more },
      statistic,
      period: Duration.minutes(1),
    });
  }
}
