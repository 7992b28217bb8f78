// Parameters of discrete actions: a thread for each number.
#include "prelude.cuh"

KERNEL squash(u32 n, const float *__restrict__ raw, float *__restrict__ parameters) {
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) parameters[i] = hyperbolic_tangent(raw[i]);
}

KERNEL attach(u32 rows, u32 passes, u32 width, u32 total, const float *__restrict__ observation,
              const float *__restrict__ parameters, float *__restrict__ x) {
    u32 at = blockIdx.x * blockDim.x + threadIdx.x, length = width + total;
    if (at >= rows * passes * length) return;
    u32 row = at / length / passes, pass = at / length % passes, i = at % length, own = total / passes;
    if (i < width) {
        x[at] = observation[(u64)row * width + i];
    } else {
        u32 parameter = i - width;
        x[at] = parameter / own == pass ? parameters[(u64)row * total + parameter] : 0.0f;
    }
}

KERNEL detach(u32 rows, u32 passes, u32 width, u32 total, const float *__restrict__ dx,
              const float *__restrict__ parameters, float *__restrict__ draw) {
    u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= rows * total) return;
    u32 row = at / total, parameter = at % total, pass = parameter / (total / passes);
    float u = parameters[at];
    draw[at] = dx[((u64)row * passes + pass) * (width + total) + width + parameter] * (1.0f - u * u);
}
