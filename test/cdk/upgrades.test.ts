import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Release, releaseOf, replacedBy } from "./irreplaceable.ts";
import { templateOf } from "./synthesis.ts";

const RELEASED = JSON.parse(readFileSync(new URL("released.json", import.meta.url), "utf8")) as Release;
const TODAY = releaseOf(templateOf({ frontDoors: ["http-api", "rest-api"], beatUrl: true }));

const REWRITE = "when that is meant and a new major version says how to move: node test/cdk/release.ts";

test("an upgrade from the last release replaces nothing that holds state or that pods know", () => {
  expect(replacedBy(RELEASED, TODAY), REWRITE).toEqual([]);
});

test("the last release is written down: the table, five queues, the keys, both front doors and the URL of beats", () => {
  const types = Object.values(RELEASED.resources).map(({ type }) => type);
  expect(types.toSorted()).toEqual([
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::GlobalTable",
    "AWS::Lambda::Url",
    ...Array.from({ length: 5 }, () => "AWS::SQS::Queue"),
    "AWS::SecretsManager::Secret",
  ]);
});

test("nothing that would have to be replaced has a name that the new one would need as well", () => {
  const named = Object.values(TODAY.resources).flatMap(({ made }) =>
    ["TableName", "QueueName", "Name"].filter((name) => (made[name] ?? null) !== null),
  );
  expect(named).toEqual([]);
});

describe("the comparison", () => {
  const last: Release = {
    version: "0.1.0",
    resources: { Table1: { type: "AWS::DynamoDB::GlobalTable", made: { TableName: null, KeySchema: ["p", "s"] } } },
  };
  const next = (resources: Release["resources"]): Release => ({ version: "0.2.0", resources });

  test("sees a logical id that has changed", () => {
    const { Table1 } = last.resources;
    expect(replacedBy(last, next(Table1 === undefined ? {} : { Table2: Table1 }))).toEqual([
      expect.stringMatching(/^Table1 \(AWS::DynamoDB::GlobalTable\) is not there .+ from 0\.1\.0 .+ is empty/),
    ]);
  });

  test("sees another key, and another type", () => {
    const type = "AWS::DynamoDB::GlobalTable";
    const made = { TableName: null, KeySchema: ["p"] };
    expect(replacedBy(last, next({ Table1: { type, made } }))).toEqual([
      expect.stringMatching(/^KeySchema of Table1 .+ was \["p","s"\] and is \["p"\]; .+ is empty/),
    ]);
    expect(replacedBy(last, next({ Table1: { type: "AWS::DynamoDB::Table", made } }))).toHaveLength(1);
  });

  test("takes what has come on top", () => {
    const added = { ...last.resources, Table2: { type: "AWS::DynamoDB::GlobalTable", made: {} } };
    expect(replacedBy(last, next(added))).toEqual([]);
  });
});
