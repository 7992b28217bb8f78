// Distributions over atoms: a thread for each value or transition; neighbouring actions lie side by side.
#include "prelude.cuh"

// A distribution as its logits: the largest, the sum of the exponentials; an atom's probability.
struct Softmax {
    const float *logits;
    u32 atoms, actions;
    float most, sum;
    INLINE Softmax(const float *logits, u32 atoms, u32 actions) : logits(logits), atoms(atoms), actions(actions) {
        most = at(largest(logits, atoms, actions));
        sum = 0.0f;
        for (u32 k = 0; k < atoms; ++k) sum += exponential(at(k) - most);
    }
    INLINE float at(u32 k) const { return logits[(u64)k * actions]; }
    INLINE float probability(u32 k) const { return exponential(at(k) - most) / sum; }
    INLINE float mean(float low, float step) const {
        float mean = 0.0f;
        for (u32 k = 0; k < atoms; ++k) mean = fmaf(probability(k), low + (float)k * step, mean);
        return mean;
    }
};

INLINE float step_of(float low, float high, u32 atoms) { return (high - low) / (float)(atoms - 1); }

KERNEL categorical_mean(u32 rows, u32 actions, u32 atoms, float low, float high, const float *__restrict__ logits,
                        float *__restrict__ q) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= rows * actions) return;
    Softmax p((logits + (u64)(i / actions) * atoms * actions) + i % actions, atoms, actions);
    q[i] = p.mean(low, step_of(low, high, atoms));
}

// Adds `mass` at `value`, shared between the neighbouring atoms of `target`.
INLINE void spread(float *target, u32 atoms, u32 actions, float low, float high, float value, float mass) {
    value = value < low ? low : value;
    value = value > high ? high : value;
    float place = (value - low) / step_of(low, high, atoms), last = (float)(atoms - 1);
    place = place > last ? last : place;
    u32 lower = (u32)place;
    float above = place - (float)lower;
    target[(u64)lower * actions] += mass * (1.0f - above);
    if (above > 0.0f) target[(u64)(lower + 1) * actions] += mass * above;
}

// The target is gathered where the gradient will stand.
KERNEL categorical(u32 size, u32 actions, u32 atoms, float low, float high, const u32 *__restrict__ action,
                   const float *__restrict__ reward, const float *__restrict__ discount,
                   const float *__restrict__ weight, const float *__restrict__ logits,
                   const float *__restrict__ next_logits, const float *__restrict__ next_q, float *dlogits,
                   float *__restrict__ error) {
    clear(dlogits, size, atoms * actions);
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    u64 row = (u64)i * atoms * actions;
    float *d = dlogits + row + action[i];
    float step = step_of(low, high, atoms);
    if (discount[i] == 0.0f) {
        spread(d, atoms, actions, low, high, reward[i], 1.0f);
    } else {
        u32 best = largest(next_q + (u64)i * actions, actions, 1);
        Softmax next(next_logits + row + best, atoms, actions);
        for (u32 k = 0; k < atoms; ++k) {
            float value = reward[i] + discount[i] * (low + (float)k * step);
            spread(d, atoms, actions, low, high, value, next.probability(k));
        }
    }
    Softmax p(logits + row + action[i], atoms, actions);
    float log_sum = logarithm(p.sum), divergence = 0.0f;
    for (u32 k = 0; k < atoms; ++k) {
        float m = d[(u64)k * actions];
        if (m > 0.0f) divergence += m * (logarithm(m) - ((p.at(k) - p.most) - log_sum));
        d[(u64)k * actions] = weight[i] * (p.probability(k) - m) / (float)size;
    }
    error[i] = divergence < 0.0f ? 0.0f : divergence;
}

KERNEL categorical_summary(u32 size, u32 actions, u32 atoms, float low, float high, const u32 *__restrict__ action,
                           const float *__restrict__ weight, const float *__restrict__ logits,
                           const float *__restrict__ error, float *__restrict__ summary) {
    auto loss = [=](u32 i) { return weight[i] * error[i]; };
    auto value = [=](u32 i) {
        Softmax p(logits + (u64)i * atoms * actions + action[i], atoms, actions);
        return p.mean(low, step_of(low, high, atoms));
    };
    batch_means(size, loss, value, summary);
}
