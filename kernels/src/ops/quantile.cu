// Returns by quantiles: a thread for each value or transition; neighbouring actions lie side by side.
#include "prelude.cuh"

INLINE float mean_of(const float *theta, u32 count, u32 actions) {
    float sum = 0.0f;
    for (u32 i = 0; i < count; ++i) sum += theta[(u64)i * actions];
    return sum / (float)count;
}

KERNEL quantile_mean(u32 rows, u32 actions, u32 count, const float *__restrict__ theta, float *__restrict__ q) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * actions) return;
    q[i] = mean_of((theta + (u64)(i / actions) * count * actions) + i % actions, count, actions);
}

KERNEL quantile(u32 size, u32 actions, u32 quantiles, u32 next_quantiles, float huber, u32 drawn,
                const u32 *__restrict__ action, const float *__restrict__ reward, const float *__restrict__ discount,
                const float *__restrict__ weight, const float *__restrict__ theta,
                const float *__restrict__ fractions, const float *__restrict__ next_theta,
                const float *__restrict__ next_q, float *__restrict__ dtheta, float *__restrict__ error) {
    clear(dtheta, size, quantiles * actions);
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= size) return;
    u64 first = (u64)row * quantiles * actions;
    u32 targets = 1;
    const float *next = next_theta;
    if (discount[row] != 0.0f) {
        targets = next_quantiles;
        next += (u64)row * next_quantiles * actions + largest(next_q + (u64)row * actions, actions, 1);
    }
    float total = 0.0f;
    for (u32 i = 0; i < quantiles; ++i) {
        u64 at = first + (u64)i * actions + action[row];
        float tau = drawn ? fractions[(u64)row * quantiles + i] : ((float)i + 0.5f) / (float)quantiles;
        float rho = 0.0f, slope = 0.0f;
        for (u32 j = 0; j < targets; ++j) {
            float target = reward[row];
            if (discount[row] != 0.0f) target += discount[row] * next[(u64)j * actions];
            float u = target - theta[at];
            float share = fabsf(u < 0.0f ? tau - 1.0f : tau);
            if (fabsf(u) > huber || huber == 0.0f) {
                rho += share * (fabsf(u) - 0.5f * huber);
                slope -= u > 0.0f ? share : u < 0.0f ? -share : 0.0f;
            } else {
                rho += share * (0.5f * (u * u) / huber);
                slope -= share * (u / huber);
            }
        }
        total += rho / (float)targets;
        dtheta[at] = weight[row] * (slope / (float)targets) / (float)size;
    }
    error[row] = total;
}

KERNEL quantile_summary(u32 size, u32 actions, u32 quantiles, const u32 *__restrict__ action,
                        const float *__restrict__ weight, const float *__restrict__ theta,
                        const float *__restrict__ error, float *__restrict__ summary) {
    auto loss = [=](u32 i) { return weight[i] * error[i]; };
    auto value = [=](u32 i) { return mean_of(theta + (u64)i * quantiles * actions + action[i], quantiles, actions); };
    batch_means(size, loss, value, summary);
}
