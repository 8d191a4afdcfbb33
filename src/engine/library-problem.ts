/** Why ONNX Runtime's native library does not load, in a line that a person can act on. */

export type System = {
  readonly platform: string;
  readonly arch: string;
  /** `null`: the C library is another one, such as musl. */
  readonly glibc: string | null;
};

export function thisSystem(): System {
  const { platform, arch } = process;
  return { platform, arch, glibc: platform === 'linux' ? glibcVersion() : null };
}

/** Of the report that Node makes of itself, which names it where it is the C library. */
function glibcVersion(): string | null {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ?? null;
}

const GLIBC_MIN = '2.28';
/** Platforms and processors that the package has a library for. */
const SUPPORTED = `Linux x64 and arm64 (glibc ${GLIBC_MIN} or newer), macOS on Apple silicon, and Windows x64 and arm64`;

/** @param error what loading it threw */
export function libraryProblem({ code, message }: NodeJS.ErrnoException, system: System): string {
  const { platform, arch } = system;
  if (code === 'MODULE_NOT_FOUND' && message.includes('onnxruntime_binding.node')) {
    return `ONNX Runtime has no library for ${platform} ${arch} here; it is made for ${SUPPORTED}`;
  }
  const reason = message
    .trim()
    .split('\n')[0]!
    .replace(/[.\s]+$/, '');
  return `ONNX Runtime's library cannot be loaded: ${reason}${hint(system)}`;
}

function hint({ platform, glibc }: System): string {
  if (platform === 'win32') {
    return '; it needs the Microsoft Visual C++ Redistributable (https://aka.ms/vs/17/release/vc_redist.x64.exe, on ARM vc_redist.arm64.exe)';
  }
  if (platform !== 'linux') return '';
  if (glibc === null) return '; it needs glibc, which Alpine and others with musl do not have';
  return isOld(glibc) ? `; it needs glibc ${GLIBC_MIN} or newer, this is ${glibc}` : '';
}

function isOld(glibc: string): boolean {
  return glibc.localeCompare(GLIBC_MIN, 'en', { numeric: true }) < 0;
}
