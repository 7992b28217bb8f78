// Slates by decomposition: a thread for each row.
#include "prelude.cuh"

#define MOST_SLOTS 16

// A slate of each lane in shared memory, a bank for each: an array of a thread that is indexed by a variable would lie in
// local memory.
struct Slate {
    u32 *places;
    INLINE Slate(u32 (*slates)[WARP]) : places(slates[0] + threadIdx.x) {}
    INLINE u32 &operator[](u32 place) const { return places[place * WARP]; }
};

// How the best slate is found: the largest products of weight and value, exactly, or the largest values.
#define EXACT 1u
#define ITEMS 2u

// A row of outputs as values and choice weights; nothing is the last of each.
struct Menu {
    const float *q, *u;
    u32 candidates;
    float most;
    INLINE Menu(const float *row, u32 candidates) : q(row), u(row + candidates + 1), candidates(candidates) {
        most = -INFINITE;
        for (u32 i = 0; i <= candidates; ++i) most = u[i] > most ? u[i] : most;
    }
    INLINE float weight(u32 i) const { return exponential(u[i] - most); }
    INLINE float value(u32 selection, Slate slate, u32 slots) const {
        if (selection == ITEMS) return q[slate[0]];
        float sum = 0.0f, total = 0.0f;
        for (u32 place = 0; place <= slots; ++place) {
            u32 i = place < slots ? slate[place] : candidates;
            sum += weight(i) * q[i];
            total += weight(i);
        }
        return sum / total;
    }
    // The items with the largest weight (q - lambda), or q alone, largest first, ties to the lowest index.
    INLINE void largest_of(u32 selection, float lambda, Slate slate, u32 slots) const {
        for (u32 place = 0; place < slots; ++place) {
            bool found = false;
            u32 best = 0;
            float gain_of_best = -INFINITE;
            for (u32 i = 0; i < candidates; ++i) {
                bool shown = false;
                for (u32 other = 0; other < place; ++other) shown = shown || slate[other] == i;
                bool plain = selection == ITEMS || q[i] == -INFINITE;
                float gain = plain ? q[i] : weight(i) * (q[i] - lambda);
                if (!shown && (gain > gain_of_best || !found)) {
                    found = true;
                    best = i;
                    gain_of_best = gain;
                }
            }
            slate[place] = best;
        }
    }
    INLINE float best(u32 selection, Slate slate, Slate next, u32 slots) const {
        largest_of(selection, 0.0f, slate, slots);
        float reached = value(selection, slate, slots);
        while (selection == EXACT) {
            largest_of(selection, reached, next, slots);
            float risen = value(selection, next, slots);
            if (!(risen > reached)) break;
            reached = risen;
            for (u32 place = 0; place < slots; ++place) slate[place] = next[place];
        }
        return reached;
    }
};

INLINE bool shown_before(Slate slate, u32 place, u32 item) {
    bool shown = false;
    for (u32 other = 0; other < place; ++other) shown = shown || slate[other] == item;
    return shown;
}

INLINE u32 code_of(Slate slate, u32 slots, u32 candidates) {
    u32 code = 0;
    for (u32 place = slots; place > 0; --place) code = code * candidates + slate[place - 1];
    return code;
}

KERNEL choose_slate(u32 rows, u32 candidates, u32 slots, u32 selection,
                    const float *__restrict__ outputs,
                    const u32 *__restrict__ clock, u32 key0, u32 key1, float from, float to, u32 over,
                    u32 *__restrict__ code) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    __shared__ u32 slates[2][MOST_SLOTS][WARP];
    Slate slate(slates[0]), next(slates[1]);
    Menu menu(outputs + (u64)row * 2 * (candidates + 1), candidates);
    menu.best(selection, slate, next, slots);
    u32 step = clock[STEPS];
    float epsilon = ramp(from, to, over, step);
    if (epsilon > 0.0f) {
        Stream stream = stream_at(key0, key1, row, 0, step, PURPOSE_EXPLORE);
        if (bernoulli(stream, epsilon)) {
            for (u32 place = 0; place < slots; ++place) {
                bool shown = true;
                while (shown) {
                    slate[place] = below(stream, candidates);
                    shown = shown_before(slate, place, slate[place]);
                }
                u32 drawn = slate[place], open = drawn;
                bool free = menu.q[open] != -INFINITE;
                for (u32 i = 1; i < candidates && !free; ++i) {
                    open = open + 1 == candidates ? 0 : open + 1;
                    free = menu.q[open] != -INFINITE && !shown_before(slate, place, open);
                }
                slate[place] = free ? open : drawn;
            }
        }
    }
    code[row] = code_of(slate, slots, candidates);
}

KERNEL slate(u32 size, u32 candidates, u32 slots, u32 selection, u32 width, u32 taken_at, float huber, float choice,
             const u32 *__restrict__ action, const float *__restrict__ reward, const float *__restrict__ discount,
             const float *__restrict__ weight, const float *__restrict__ observation_next,
             const float *__restrict__ outputs, const float *__restrict__ next_target,
             const float *__restrict__ next_chooser, float *__restrict__ doutputs, float *__restrict__ error) {
    u32 length = 2 * (candidates + 1);
    clear(doutputs, size, length);
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= size) return;
    __shared__ u32 slates[2][MOST_SLOTS][WARP];
    Slate slate(slates[0]), next(slates[1]);
    u64 row = (u64)i * length;
    float target = reward[i];
    if (discount[i] != 0.0f) {
        Menu(next_chooser + row, candidates).best(selection, slate, next, slots);
        target = target + discount[i] * Menu(next_target + row, candidates).value(selection, slate, slots);
    }
    const float *positions = observation_next + (u64)i * width + taken_at;
    u32 rest = action[i], taken = candidates;
    bool found = false;
    for (u32 place = 0; place < slots; ++place) {
        slate[place] = rest % candidates;
        rest /= candidates;
        if (!found && positions[place] > 0.5f) {
            found = true;
            taken = slate[place];
        }
    }
    Menu menu(outputs + row, candidates);
    float difference = outputs[row + taken] - target;
    float clipped = difference > huber ? huber : difference < -huber ? -huber : difference;
    doutputs[row + taken] = weight[i] * clipped / (float)size;
    float sum = 0.0f;
    for (u32 place = 0; place < slots; ++place) sum += menu.weight(slate[place]);
    sum += menu.weight(candidates);
    for (u32 place = 0; place <= slots; ++place) {
        u32 at = place < slots ? slate[place] : candidates;
        float probability = menu.weight(at) / sum;
        float slope = at == taken ? probability - 1.0f : probability;
        doutputs[row + candidates + 1 + at] = weight[i] * choice * slope / (float)size;
    }
    error[i] = fabsf(difference);
}

KERNEL slate_summary(u32 size, u32 candidates, u32 slots, u32 width, u32 taken_at, float huber, float choice,
                     const u32 *__restrict__ action, const float *__restrict__ weight,
                     const float *__restrict__ observation_next, const float *__restrict__ outputs,
                     const float *__restrict__ error, float *__restrict__ summary) {
    auto taken = [=](u32 i) {
        const float *positions = observation_next + (u64)i * width + taken_at;
        u32 rest = action[i];
        for (u32 place = 0; place < slots; ++place) {
            if (positions[place] > 0.5f) return rest % candidates;
            rest /= candidates;
        }
        return candidates;
    };
    auto loss = [=](u32 i) {
        float by = error[i], sum = 0.0f;
        Menu menu(outputs + (u64)i * 2 * (candidates + 1), candidates);
        u32 rest = action[i];
        for (u32 place = 0; place < slots; ++place) {
            sum += menu.weight(rest % candidates);
            rest /= candidates;
        }
        sum += menu.weight(candidates);
        float squared = by > huber ? huber * (by - 0.5f * huber) : 0.5f * (by * by);
        return weight[i] * (squared - choice * logarithm(menu.weight(taken(i)) / sum));
    };
    auto value = [=](u32 i) { return outputs[(u64)i * 2 * (candidates + 1) + taken(i)]; };
    batch_means(size, loss, value, summary);
}
