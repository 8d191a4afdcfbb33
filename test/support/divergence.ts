/** How far distributions over tokens are apart. */

function logSumExp(row: Float32Array): number {
  const largest = Math.max(...row);
  return largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** Kullback and Leibler's divergence of the second from the first, in nats; both as rows of logits. */
export function divergence(reference: Float32Array, other: Float32Array): number {
  const [referenceSum, otherSum] = [logSumExp(reference), logSumExp(other)];
  return reference.reduce((sum, value, i) => {
    const logP = value - referenceSum;
    return sum + Math.exp(logP) * (logP - (other[i]! - otherSum));
  }, 0);
}
