import { describe, expect, it } from 'vitest';
import { cudaFailure } from '../../src/engine/cuda-failure.ts';

/** As ONNX Runtime 1.30.0 says it, with one of its two headers. */
function told(code: number, text: string, call: string): string {
  return `Exception during initialization: /onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, const char*, int) [with ERRTYPE = cudaError; bool THRW = true; SUCCTYPE = cudaError; std::conditional_t<THRW, void, common::Status> = void] CUDA failure ${code}: ${text} ; GPU=0 ; hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_allocator.cc ; line=47 ; expr=${call}; `;
}

describe('a failed call of CUDA', () => {
  it('is told by what CUDA says, without the code around it and without the name of the machine', () => {
    const message = told(101, 'invalid device ordinal', 'cudaSetDevice(info_.device_id)');
    expect(cudaFailure(message)).toBe('CUDA failure 101: invalid device ordinal');
  });

  it('for want of memory names what would ask for less', () => {
    const reason = cudaFailure(told(2, 'out of memory', 'cudaMalloc((void**)&p, size)'));
    expect(reason).toContain('out of memory; ');
    for (const option of ['--gpu-memory-utilization', '--kv-cache-memory', '--max-model-len'])
      expect(reason).toContain(option);
  });

  it.each([
    [35, 'CUDA driver version is insufficient for CUDA runtime version', 'a newer driver'],
    [209, 'no kernel image is available for execution on the device', '7.5, 8.x, 9.0 and 12.0'],
  ])('of number %i says what would do', (code, text, what) => {
    expect(cudaFailure(told(code, text, 'cudaGetLastError()'))).toContain(what);
  });

  it('is nothing that a message without one tells', () => {
    const message = 'Failed to load shared library';
    expect(cudaFailure(message)).toBe(message);
  });
});
