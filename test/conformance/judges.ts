/** The judges: SDKs and frameworks driven by our own small programs, and suites that others wrote (`suites.ts`). */

import path from 'node:path';
import { type Command, type Judge, type Places, readCaseLines } from './judge.ts';
import { pythonPackages, venvProgram } from './python.ts';
import { SUITES } from './suites.ts';

const PROGRAM_SECONDS = 240;

function pythonProgram(name: string, title: string, pattern: RegExp): Judge {
  return {
    name,
    title,
    version: { file: 'requirements.txt', pattern },
    ...pythonPackages,
    // One folder up lies what they share.
    commands: (_target, places) => [['env', 'PYTHONPATH=..', venvProgram(places, 'python'), 'judge.py']],
    read: readCaseLines,
    limitSeconds: PROGRAM_SECONDS,
  };
}

/** Packages are installed beside the program, since Node looks for them there. */
export const npmPackages: Pick<Judge, 'toolChain' | 'prepare'> = {
  toolChain: ['npm'],
  prepare: {
    manifests: ['package.json', 'package-lock.json'],
    commands: () => [['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund']],
  },
};

function nodeProgram(name: string, title: string, pattern: RegExp): Judge {
  return {
    name,
    title,
    version: { file: 'package.json', pattern },
    ...npmPackages,
    commands: () => [[process.execPath, 'judge.mjs']],
    read: readCaseLines,
    limitSeconds: PROGRAM_SECONDS,
  };
}

function goProgramOf({ work }: Places): string {
  return path.join(work, 'judge');
}

function maven({ work }: Places): Command {
  const classPath = `-Dmdep.outputFile=${path.join(work, 'class-path')}`;
  return ['mvn', '-q', '-B', `-Dwork=${work}`, 'compile', 'dependency:build-classpath', classPath];
}

export const JUDGES: readonly Judge[] = [
  {
    name: 'openai-node',
    title: 'OpenAI SDK for Node',
    version: { file: '../../../package.json', pattern: /"openai": "([^"]+)"/ },
    toolChain: [],
    prepare: { manifests: [], commands: () => [] },
    commands: () => [[process.execPath, '--import', 'tsx', 'judge.ts']],
    read: readCaseLines,
    limitSeconds: PROGRAM_SECONDS,
  },
  pythonProgram('openai-python', 'OpenAI SDK for Python', /^openai==(.+)$/m),
  {
    name: 'openai-go',
    title: 'OpenAI SDK for Go',
    version: { file: 'go.mod', pattern: /openai-go\/v3 v(\S+)/ },
    toolChain: ['go'],
    prepare: {
      manifests: ['go.mod', 'go.sum', 'main.go'],
      commands: (places) => [['go', 'build', '-mod=readonly', '-o', goProgramOf(places), '.']],
    },
    commands: (_target, places) => [[goProgramOf(places)]],
    read: readCaseLines,
    limitSeconds: PROGRAM_SECONDS,
  },
  {
    name: 'openai-java',
    title: 'OpenAI SDK for Java',
    version: { file: 'pom.xml', pattern: /<artifactId>openai-java<\/artifactId>\s*<version>([^<]+)/ },
    toolChain: ['java', 'mvn'],
    prepare: { manifests: ['pom.xml', 'src/Judge.java'], commands: (places) => [maven(places)] },
    commands: (_target, { work }) => [
      ['sh', '-c', 'exec java -cp "$1/target/classes:$(cat "$1/class-path")" Judge', 'sh', work],
    ],
    read: readCaseLines,
    limitSeconds: PROGRAM_SECONDS,
  },
  nodeProgram('vercel-ai', 'Vercel AI SDK, both OpenAI providers', /"ai": "([^"]+)"/),
  nodeProgram('langchain-js', 'LangChain for JavaScript', /"@langchain\/openai": "([^"]+)"/),
  pythonProgram('langchain-python', 'LangChain for Python', /^langchain-openai==(.+)$/m),
  pythonProgram('pydantic-ai', 'Pydantic AI, both OpenAI models', /^pydantic-ai-slim==(.+)$/m),
  pythonProgram('openai-agents', 'OpenAI Agents SDK for Python', /^openai-agents==(.+)$/m),
  ...SUITES,
];
