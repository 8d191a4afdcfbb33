/**
 * The house rules, checked against the source itself: who imports whom, what a room must never contain, how long
 * functions and files may be. The tables below are the rules; ARCHITECTURE.md explains them. And what the documents and
 * comments name has to be there.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'vite';
import { describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');
/** Fewer files than this, and the check has lost sight of the house. */
const FILES_SEEN_MIN = 40;
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const FUNCTION_LINES_P90_MAX = 30;

/** Room -> rooms that it may import from, itself aside. Files of src/ itself form the room `main`. */
const LADDER: Readonly<Record<string, readonly string[]>> = {
  base: [],
  'kv-cache': ['base'],
  sampling: ['base'],
  text: ['base'],
  graph: ['base'],
  batching: ['base', 'kv-cache', 'sampling'],
  engine: ['base', 'kv-cache', 'sampling', 'text', 'graph', 'batching'],
  routes: ['base', 'text', 'sampling', 'batching', 'engine'],
  main: ['base', 'kv-cache', 'sampling', 'text', 'graph', 'batching', 'engine', 'routes'],
};

/** Of the engine, routes see the way in and its types, and nothing of how it works. */
const ENGINE_SEEN_BY_ROUTES = ['engine-client.ts', 'text-generation.ts', 'protocol.ts'];

const PURE_ROOMS = ['kv-cache', 'batching', 'sampling', 'text'];

type Ban = {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly rooms?: readonly string[];
  readonly allowed?: readonly string[];
};

const BANS: readonly Ban[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(/, instead: 'a Clock', allowed: ['base/clock.ts'] },
  { pattern: /\bperformance\.now\(/, instead: 'a Clock', allowed: ['base/clock.ts'] },
  { pattern: /\bMath\.random\(/, instead: 'randomAt, or a source given from main' },
  { pattern: /\bconsole\./, instead: 'the logger', allowed: ['cli.ts'] },
  { pattern: /\bas any\b|: any\b/, instead: 'a type' },
  { pattern: /\b(TODO|FIXME|XXX)\b/, instead: 'an issue' },
  { pattern: /from 'onnxruntime-node'/, instead: 'a ModelRunner', allowed: ['engine/onnx-session.ts'] },
  {
    pattern: /from 'node:worker_threads'/,
    instead: 'an EngineClient, a CallThread or the pool that prepares weights',
    allowed: [
      'engine/engine-worker.ts',
      'engine/worker-engine.ts',
      'engine/prompt-worker.ts',
      'engine/grammar-worker.ts',
      'engine/call-thread.ts',
      'graph/weight-pool.ts',
      'graph/weight-worker.ts',
    ],
  },
  { pattern: /\bfrom 'hono/, instead: 'nothing of HTTP', rooms: ['base', 'graph', 'engine', ...PURE_ROOMS] },
  { pattern: /\bawait\b|\bPromise\b/, instead: 'a plain function', rooms: PURE_ROOMS },
  { pattern: /\bset(Timeout|Interval|Immediate)\(/, instead: 'a Clock and a step', rooms: PURE_ROOMS },
  { pattern: /from 'node:fs/, instead: 'what the caller has read', rooms: PURE_ROOMS },
  {
    pattern: /\bstatusCode|\bstatus: [45]\d\d/,
    instead: 'a ServerError',
    rooms: ['engine', 'graph', ...PURE_ROOMS],
  },
];

type SourceFile = { readonly name: string; readonly room: string; readonly text: string };

const files: readonly SourceFile[] = readdirSync(path.join(ROOT, 'src'), { recursive: true })
  .map((name) => String(name).replaceAll(path.sep, '/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({
    name,
    room: name.includes('/') ? name.slice(0, name.indexOf('/')) : 'main',
    text: readFileSync(path.join(ROOT, 'src', name), 'utf8'),
  }));

function relativeImports({ name, text }: SourceFile): readonly string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) =>
    path.posix.normalize(path.posix.join(path.posix.dirname(name), specifier)),
  );
}

function roomOf(name: string): string {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : 'main';
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

type FunctionSize = { readonly where: string; readonly lines: number };

function functionSizes(file: SourceFile): readonly FunctionSize[] {
  const lineOf = (offset: number): number => file.text.slice(0, offset).split('\n').length;
  const sizes: FunctionSize[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, start, end } = node as { type?: string; start?: number; end?: number };
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(type ?? '')) {
      const first = lineOf(start!);
      sizes.push({ where: `${file.name}:${first}`, lines: lineOf(end!) - first + 1 });
    }
    Object.values(node).forEach(visit);
  };
  visit(parseSync(file.name, file.text).program);
  return sizes;
}

describe('the source', () => {
  it('is seen by these checks', () => {
    expect(files.length).toBeGreaterThanOrEqual(FILES_SEEN_MIN);
    expect(files.flatMap(relativeImports).length).toBeGreaterThan(files.length);
  });

  it('has only rooms that the ladder knows', () => {
    expect(files.filter(({ room }) => LADDER[room] === undefined).map(({ name }) => name)).toEqual([]);
  });

  it('imports downwards only', () => {
    const wrong = files.flatMap((file) =>
      relativeImports(file)
        .filter((target) => {
          const room = roomOf(target);
          if (room === file.room) return false;
          if (!LADDER[file.room]!.includes(room)) return true;
          return (
            file.room === 'routes' &&
            room === 'engine' &&
            !ENGINE_SEEN_BY_ROUTES.includes(path.basename(target))
          );
        })
        .map((target) => `${file.name} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no file that nobody imports', () => {
    const entries = [
      'cli.ts',
      'engine/engine-worker.ts',
      'engine/prompt-worker.ts',
      'engine/grammar-worker.ts',
      'engine/inline-engine.ts',
      'graph/weight-worker.ts',
    ];
    const imported = new Set([...entries, ...files.flatMap(relativeImports)]);
    expect(files.map(({ name }) => name).filter((name) => !imported.has(name))).toEqual([]);
  });

  it.each(BANS)('never contains $pattern', ({ pattern, instead, rooms, allowed }) => {
    const wrong = files
      .filter(({ room, name }) => (rooms === undefined || rooms.includes(room)) && !allowed?.includes(name))
      .filter(({ text }) => pattern.test(withoutComments(text)))
      .map(({ name }) => `${name}: use ${instead}`);
    expect(wrong).toEqual([]);
  });

  it('begins every file with what it is for', () => {
    const headless = files.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map(({ name }) => name);
    expect(headless).toEqual([]);
  });

  it(`has no file over ${FILE_LINES_MAX} lines`, () => {
    const long = files
      .filter(({ text }) => text.split('\n').length - 1 > FILE_LINES_MAX)
      .map(({ name }) => name);
    expect(long).toEqual([]);
  });

  it(`has no function over ${FUNCTION_LINES_MAX} lines and a p90 of at most ${FUNCTION_LINES_P90_MAX}`, () => {
    const sizes = files.flatMap(functionSizes).sort((a, b) => a.lines - b.lines);
    expect(sizes.length).toBeGreaterThan(100);
    expect(sizes.filter(({ lines }) => lines > FUNCTION_LINES_MAX)).toEqual([]);
    expect(sizes[Math.floor(sizes.length * 0.9)]!.lines).toBeLessThanOrEqual(FUNCTION_LINES_P90_MAX);
  });
});

/** Folders with files that documents and comments name. */
const NAMED_FOLDERS = ['src', 'test', 'bench', 'scripts', 'docs', 'models', '.ci'];
const NOT_OURS = /(^|\/)(node_modules|\.cache|results)\//;

/** Flags of other commands that the source names, and files that hand flags to other programs. */
const FURTHER_FLAGS = ['--help', '--check', '--local-dir'];
const CALLS_OTHER_PROGRAMS = ['setup-cuda.ts', 'engine/gpu-memory.ts'];

/** What tells of other software names its constants and variables. */
const TELLS_OF_OTHERS = ['docs/compatibility.md'];

function pathsIn(folder: string): readonly string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (NOT_OURS.test(`${name}/`)) return [];
    return entry.isDirectory() ? pathsIn(name) : [name];
  });
}

const paths = NAMED_FOLDERS.flatMap(pathsIn);

type Prose = { readonly name: string; readonly text: string };

const documents: readonly Prose[] = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']
  .concat(paths.filter((name) => /^(docs|bench|models|test)\/.*\.md$/.test(name)))
  .map((name) => ({ name, text: readFileSync(path.join(ROOT, name), 'utf8') }));

const comments: readonly Prose[] = files.map(({ name, text }) => ({
  name: `src/${name}`,
  text: [...text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|[^:'"`])\/\/.*$/gm)].map(([comment]) => comment).join('\n'),
}));

/** Code in backticks, a piece of a document or comment at a time. */
function codeIn({ name, text }: Prose): readonly { readonly where: string; readonly code: string }[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map((match) => ({ where: name, code: match[1]! }));
}

describe('documents and comments', () => {
  it('are seen by these checks', () => {
    expect(documents.length).toBeGreaterThan(20);
    expect(comments.flatMap(codeIn).length).toBeGreaterThan(100);
  });

  it('name source files that are there', () => {
    const isThere = (file: string): boolean => paths.some((name) => `/${name}`.endsWith(`/${file}`));
    const named = [...documents, ...comments]
      .flatMap(codeIn)
      .filter(({ code }) => /^[\w./-]+\.ts$/.test(code));
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter(({ code }) => !isThere(code))).toEqual([]);
  });

  it('name constants and variables of the environment that are there', () => {
    const programs = paths.filter((name) => /^(src|test|bench|scripts)\/(.*\.(ts|py|sh)|[^.]+)$/.test(name));
    const source = programs
      .map((name) => withoutComments(readFileSync(path.join(ROOT, name), 'utf8')))
      .join('\n');
    const known = new Set(source.match(/\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b/g));
    const named = [...documents, ...comments]
      .filter(({ name }) => !TELLS_OF_OTHERS.includes(name))
      .flatMap(codeIn)
      .filter(({ code }) => /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(code));
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ code }) => !known.has(code))).toEqual([]);
  });

  it('name options that are there, and so do messages', () => {
    const options = files.find(({ name }) => name === 'serve-options.ts')!.text;
    const known = new Set(
      [...options.matchAll(/flags: '(--[a-z-]+)/g)].map(([, flag]) => flag!).concat(FURTHER_FLAGS),
    );
    const named = files
      .filter(({ name }) => !CALLS_OTHER_PROGRAMS.includes(name))
      .flatMap(({ name, text }) =>
        [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*(?![\w-]|\.[\w#])/g)].map(([flag]) => ({ name, flag })),
      );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ flag }) => !known.has(flag))).toEqual([]);
  });

  it('link to documents that are there', () => {
    const links = documents.flatMap(({ name, text }) =>
      [...text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => ({
        name,
        target: path.join(path.dirname(name), match[1]!),
      })),
    );
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter(({ target }) => !existsSync(path.join(ROOT, target)))).toEqual([]);
  });
});

describe('a checkout', () => {
  it('has the same bytes on every system: Git for Windows would turn line ends', ({ skip }) => {
    const listed = spawnSync('git', ['ls-files', '--eol'], { cwd: ROOT, encoding: 'utf8' });
    skip(listed.status !== 0, 'this is no repository of Git');
    const files = listed.stdout.trim().split('\n');
    expect(files.length).toBeGreaterThan(FILES_SEEN_MIN);
    expect(files.filter((line) => !/ attr\/(text=auto eol=lf|-text)\s/.test(line))).toEqual([]);
  });
});
