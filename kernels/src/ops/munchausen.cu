// Munchausen targets: a thread for each transition; the sums over the batch are td_summary's.
#include "prelude.cuh"

INLINE float soft_value(const float *q, u32 actions, float temperature) {
    float most = q[largest(q, actions, 1)], sum = 0.0f;
    for (u32 a = 0; a < actions; ++a) sum += exponential((q[a] - most) / temperature);
    return most + temperature * logarithm(sum);
}

KERNEL munchausen(u32 size, u32 actions, float huber, u32 chosen, float temperature, float share, float floor,
                  const u32 *__restrict__ action, const float *__restrict__ reward,
                  const float *__restrict__ discount, const float *__restrict__ weight, const float *__restrict__ q,
                  const float *__restrict__ target_here, const float *__restrict__ target_next,
                  float *__restrict__ dq, float *__restrict__ error) {
    if (!chosen) clear(dq, size, actions);
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    const float *here = target_here + (u64)i * actions;
    float log_policy = here[action[i]] - soft_value(here, actions, temperature);
    log_policy = log_policy > 0.0f ? 0.0f : log_policy;
    log_policy = log_policy < floor ? floor : log_policy;
    float target = reward[i] + share * log_policy;
    if (discount[i] != 0.0f) {
        target = target + discount[i] * soft_value(target_next + (u64)i * actions, actions, temperature);
    }
    u64 at = chosen ? i : (u64)i * actions + action[i];
    float difference = q[at] - target;
    float clipped = difference > huber ? huber : difference < -huber ? -huber : difference;
    dq[at] = weight[i] * clipped / (float)size;
    error[i] = fabsf(difference);
}
