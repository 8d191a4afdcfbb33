import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ServerError } from '../../src/base/errors.ts';
import { openApiDocument, openApiYaml } from '../../src/routes/openapi.ts';
import { CHAT_FIELDS, COMPLETION_FIELDS } from '../../src/routes/schema/field-tables.ts';
import { MODEL, routeTestApp } from '../support/route-test-app.ts';

const ROOT = path.join(import.meta.dirname, '../..');

type Document = {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Record<string, unknown> }>>;
  };
};

const document = openApiDocument() as unknown as Document;

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' ? [String(inner)] : references(inner),
  );
}

describe('the OpenAPI document', () => {
  it('is the one in openapi.yaml (npm run openapi)', async () => {
    expect(readFileSync(path.join(ROOT, 'openapi.yaml'), 'utf8')).toBe(await openApiYaml());
  });

  it('is served as JSON', async () => {
    const response = await routeTestApp().app.request('/openapi.json');
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual(parse(await openApiYaml()));
  });

  it("has the package's version", () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(document.info.version).toBe(version);
  });

  it('describes every route and no other', () => {
    const routes = routeTestApp().app.routes.filter(({ method }) => method !== 'ALL');
    const served = routes.map(
      ({ method, path: route }) => `${method} ${route.replace(/:(\w+)\{[^}]*\}/, '{$1}')}`,
    );
    const described = Object.entries(document.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
    );
    expect(described.toSorted()).toEqual([...new Set(served)].toSorted());
  });

  it.each([
    ['ChatCompletionRequest', CHAT_FIELDS],
    ['CompletionRequest', COMPLETION_FIELDS],
  ])('says of every known field of a %s what becomes of it', (name, table) => {
    const described = Object.keys(document.components.schemas[name]!.properties!);
    expect(described.toSorted()).toEqual([...table.keys()].toSorted());
  });

  it.each([
    ['/v1/models', '/v1/models'],
    ['/v1/models/{id}', `/v1/models/${MODEL}`],
  ])('knows the answer of %s while the model is being loaded', async (route, path_) => {
    const loading = {
      id: MODEL,
      root: 'tiny-checkpoint',
      created: 5,
      get modelLengthMax(): number {
        throw new ServerError('not_ready', 'The model is still loading.');
      },
    };
    const { status } = await routeTestApp({ models: [loading] }).app.request(path_);
    expect(status).toBe(503);
    const { get } = document.paths[route] as { readonly get: { readonly responses: object } };
    expect(Object.keys(get.responses)).toContain(String(status));
  });

  it('points at nothing that is not there', () => {
    for (const reference of references(document)) {
      const steps = reference.replace('#/', '').split('/');
      let target: unknown = document;
      for (const step of steps) target = (target as Record<string, unknown>)[step];
      expect(target, reference).toBeDefined();
    }
  });
});
