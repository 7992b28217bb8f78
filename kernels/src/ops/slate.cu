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

INLINE bool shown_before(Slate slate, u32 place, u32 item) {
    bool shown = false;
    for (u32 other = 0; other < place; ++other) shown = shown || slate[other] == item;
    return shown;
}

// How the best slate is found: the largest products of weight and value, exactly, the largest values, a list from the top.
#define EXACT 1u
#define ITEMS 2u
#define CASCADE 3u

// A row of outputs as values and choice weights (slate/conditional.rs); nothing is the last of each.
struct Conditional {
    const float *q, *u;
    u32 candidates;
    float most;
    INLINE Conditional(const float *row, u32 candidates) : q(row), u(row + candidates + 1), candidates(candidates) {
        most = -INFINITE;
        for (u32 i = 0; i <= candidates; ++i) most = u[i] > most ? u[i] : most;
    }
    INLINE float weight(u32 i) const { return exponential(u[i] - most); }
    // The weights of what is shown, and of nothing.
    INLINE float sum(Slate slate, u32 slots) const {
        float sum = 0.0f;
        for (u32 place = 0; place < slots; ++place) sum += weight(slate[place]);
        return sum + weight(candidates);
    }
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
                bool shown = shown_before(slate, place, i);
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

// A row of outputs as values and log-odds (slate/cascade.rs); nothing, or looking on, is the last of each.
struct Cascade {
    const float *q, *u;
    u32 candidates;
    float on, stops;
    INLINE Cascade(const float *row, u32 candidates) : q(row), u(row + candidates + 1), candidates(candidates) {
        on = logistic(u[candidates]);
        stops = logistic(-u[candidates]);
    }
    INLINE float gain(u32 item) const { return logistic(u[item]) * (q[item] - q[candidates]); }
    INLINE float remains(u32 item) const { return on * logistic(-u[item]); }
    INLINE float index(u32 item) const {
        float weight = logistic(u[item]) + stops * logistic(-u[item]);
        return weight > 0.0f ? gain(item) / weight : gain(item);
    }
    INLINE float value(Slate slate, u32 slots) const {
        float rest = 0.0f;
#pragma unroll 1
        for (u32 place = slots; place > 0; --place) rest = gain(slate[place - 1]) + remains(slate[place - 1]) * rest;
        return q[candidates] + rest;
    }
    // The item that follows `before` in rising order; of equals the first is the last. `candidates` when there is none.
    INLINE u32 next(u32 before, float index_before) const {
        u32 found = candidates;
        float least = 0.0f;
#pragma unroll 1
        for (u32 item = 0; item < candidates; ++item) {
            float at = index(item);
            bool later = before == candidates || at > index_before || (at == index_before && item < before);
            if (at == at && later && (found == candidates || at <= least)) {
                found = item;
                least = at;
            }
        }
        return found;
    }
    // `reached` holds the bits of the gain of the best list of each length from 1 on, `slate` its code until it is known.
    INLINE void best(Slate slate, Slate reached, u32 slots) const {
#pragma unroll 1
        for (u32 place = 0; place < slots; ++place) reached[place] = __float_as_uint(-INFINITE);
        u32 item = next(candidates, 0.0f);
        while (item < candidates) {
            float front = gain(item), share = remains(item);
#pragma unroll 1
            for (u32 place = slots; place > 0; --place) {
                float rest = place > 1 ? __uint_as_float(reached[place - 2]) : 0.0f;
                float longer = front + share * rest;
                if (longer > __uint_as_float(reached[place - 1])) {
                    reached[place - 1] = __float_as_uint(longer);
                    slate[place - 1] = item + (place > 1 ? candidates * slate[place - 2] : 0);
                }
            }
            item = next(item, index(item));
        }
        u32 length = slots;
        while (length > 0 && !(__uint_as_float(reached[length - 1]) > -INFINITE)) --length;
        u32 rest = length > 0 ? slate[length - 1] : 0;
#pragma unroll 1
        for (u32 place = 0; place < slots; ++place) {
            slate[place] = place < length ? rest % candidates : 0;
            while (place >= length && shown_before(slate, place, slate[place])) ++slate[place];
            rest /= candidates;
        }
    }
    // Probability that nothing is taken from each place on, if it is looked at.
    INLINE void nothing_from(Slate slate, Slate nothing, u32 slots) const {
        float later = 1.0f;
#pragma unroll 1
        for (u32 place = slots; place > 0; --place) {
            later = logistic(-u[slate[place - 1]]) * (stops + on * later);
            nothing[place - 1] = __float_as_uint(later);
        }
    }
    // The probability of what was taken: at `taken`, or nothing where that is `slots`.
    INLINE float probability(Slate slate, Slate nothing, u32 slots, u32 taken) const {
        if (taken == slots) return __uint_as_float(nothing[0]);
        float probability = 1.0f;
#pragma unroll 1
        for (u32 place = 0; place < taken; ++place) probability *= on * logistic(-u[slate[place]]);
        return probability * logistic(u[slate[taken]]);
    }
    // The derivatives of its -ln by log-odds, times what `scaled` has.
    template <class Scaled>
    INLINE void slopes(Slate slate, Slate nothing, u32 slots, u32 taken, Scaled scaled, float *du) const {
        float looked = 1.0f, slope_on = 0.0f;
#pragma unroll 1
        for (u32 place = 0; place < slots && place <= taken; ++place) {
            u32 item = slate[place];
            du[item] = scaled(place == taken ? logistic(u[item]) - 1.0f : looked * logistic(u[item]));
            if (place < taken && place + 1 < slots) {
                float later = on * __uint_as_float(nothing[place + 1]);
                float stays = taken < slots ? 1.0f : later > 0.0f ? later / (stops + later) : 0.0f;
                slope_on += looked * (on - stays);
                looked *= stays;
            }
        }
        du[candidates] = scaled(slope_on);
    }
};

INLINE u32 code_of(Slate slate, u32 slots, u32 candidates) {
    u32 code = 0;
    for (u32 place = slots; place > 0; --place) code = code * candidates + slate[place - 1];
    return code;
}

INLINE void read_slate(Slate slate, u32 code, u32 slots, u32 candidates) {
    for (u32 place = 0; place < slots; ++place) {
        slate[place] = code % candidates;
        code /= candidates;
    }
}

// The place that was taken, `slots` for none of them.
INLINE u32 place_of(const float *positions, u32 slots) {
    for (u32 place = 0; place < slots; ++place) {
        if (positions[place] > 0.5f) return place;
    }
    return slots;
}

KERNEL choose_slate(u32 rows, u32 candidates, u32 slots, u32 selection,
                    const float *__restrict__ outputs,
                    const u32 *__restrict__ clock, u32 key0, u32 key1, float from, float to, u32 over,
                    u32 *__restrict__ code) {
    u32 row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    __shared__ u32 slates[2][MOST_SLOTS][WARP];
    Slate slate(slates[0]), next(slates[1]);
    const float *q = outputs + (u64)row * 2 * (candidates + 1);
    if (selection == CASCADE) Cascade(q, candidates).best(slate, next, slots);
    else Conditional(q, candidates).best(selection, slate, next, slots);
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
                bool free = q[open] != -INFINITE;
                for (u32 i = 1; i < candidates && !free; ++i) {
                    open = open + 1 == candidates ? 0 : open + 1;
                    free = q[open] != -INFINITE && !shown_before(slate, place, open);
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
        float value;
        if (selection == CASCADE) {
            Cascade(next_chooser + row, candidates).best(slate, next, slots);
            value = Cascade(next_target + row, candidates).value(slate, slots);
        } else {
            Conditional(next_chooser + row, candidates).best(selection, slate, next, slots);
            value = Conditional(next_target + row, candidates).value(selection, slate, slots);
        }
        target = target + discount[i] * value;
    }
    read_slate(slate, action[i], slots, candidates);
    u32 place_taken = place_of(observation_next + (u64)i * width + taken_at, slots);
    u32 taken = place_taken < slots ? slate[place_taken] : candidates;
    float difference = outputs[row + taken] - target;
    float clipped = difference > huber ? huber : difference < -huber ? -huber : difference;
    doutputs[row + taken] = weight[i] * clipped / (float)size;
    error[i] = fabsf(difference);
    auto scaled = [=](float slope) { return weight[i] * choice * slope / (float)size; };
    float *du = doutputs + row + candidates + 1;
    if (selection == CASCADE) {
        Cascade cascade(outputs + row, candidates);
        cascade.nothing_from(slate, next, slots);
        return cascade.slopes(slate, next, slots, place_taken, scaled, du);
    }
    Conditional conditional(outputs + row, candidates);
    float sum = conditional.sum(slate, slots);
    for (u32 place = 0; place <= slots; ++place) {
        u32 at = place < slots ? slate[place] : candidates;
        float probability = conditional.weight(at) / sum;
        du[at] = scaled(at == taken ? probability - 1.0f : probability);
    }
}

KERNEL slate_summary(u32 size, u32 candidates, u32 slots, u32 selection, u32 width, u32 taken_at, float huber,
                     float choice, const u32 *__restrict__ action, const float *__restrict__ weight,
                     const float *__restrict__ observation_next, const float *__restrict__ outputs,
                     const float *__restrict__ error, float *__restrict__ summary) {
    __shared__ u32 slates[2][MOST_SLOTS][WARP];
    Slate slate(slates[0]), nothing(slates[1]);
    auto place_taken = [=](u32 i) { return place_of(observation_next + (u64)i * width + taken_at, slots); };
    auto taken = [=](u32 place) { return place < slots ? slate[place] : candidates; };
    auto loss = [=](u32 i) {
        const float *row = outputs + (u64)i * 2 * (candidates + 1);
        read_slate(slate, action[i], slots, candidates);
        float by = error[i], probability;
        if (selection == CASCADE) {
            Cascade cascade(row, candidates);
            cascade.nothing_from(slate, nothing, slots);
            probability = cascade.probability(slate, nothing, slots, place_taken(i));
        } else {
            Conditional conditional(row, candidates);
            probability = conditional.weight(taken(place_taken(i))) / conditional.sum(slate, slots);
        }
        float squared = by > huber ? huber * (by - 0.5f * huber) : 0.5f * (by * by);
        return weight[i] * (squared - choice * logarithm(probability));
    };
    auto value = [=](u32 i) {
        read_slate(slate, action[i], slots, candidates);
        return outputs[(u64)i * 2 * (candidates + 1) + taken(place_taken(i))];
    };
    batch_means(size, loss, value, summary);
}
