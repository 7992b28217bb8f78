"""The ports under `compat/` have the statistics of the originals.

    python tests/slow/originals.py measure originals.csv --episodes 10 [--auctiongym PATH/src]
    python tests/slow/originals.py compare tests/originals.csv target/release/mercato

`measure` runs the originals (requirements-originals.txt; AuctionGym from a clone of its repository) over 40 seeds, each
with its own generators for users, documents and choices, and writes the mean of every metric with its standard error,
clustered by seed. `compare` plays the same policies in the ports, 8,000 episodes each, and asks for agreement within
four standard errors. `tests/originals.csv` is what `measure` wrote.
"""

import argparse
import collections
import csv
import json
import math
import subprocess
import sys
import types

SEEDS = 40
PORT_EPISODES = 8000
# As `mercato rollout --set` takes them.
CASES = [
    ("compat/recsim-long-term-v0", "", ["random", "choc", "kale"]),
    ("compat/recsim-long-term-v0", "sensitivity=0.3 num_candidates=5", ["random", "choc", "kale"]),
    ("compat/recsim-long-term-v0", "fixed_clickbait=0.5", ["random"]),
    ("compat/recsim-interest-evolution-v0", "", ["random", "greedy-quality", "worst-quality", "greedy-affinity"]),
    ("compat/recsim-interest-evolution-v0", "choice=mnl slate_size=3 num_candidates=15", ["random", "greedy-quality"]),
    ("compat/recsim-interest-evolution-v0", "resample=false", ["random"]),
    ("compat/recsim-interest-exploration-v0", "", ["random", "greedy-quality", "greedy-affinity"]),
    ("compat/recsim-interest-exploration-v0", "resample=false slate_size=3", ["greedy-affinity"]),
    ("compat/recogym-v1", "", ["random", "fixed-0", "last-view", "most-viewed", "most-popular", "oracle"]),
    ("compat/recogym-v1", "num_products=5 num_flips=2 normalize_beta=true sigma_mu=1", ["last-view", "oracle"]),
    ("compat/recogym-v1", "change_omega_for_bandits=true sigma_omega=0.3", ["last-view", "oracle"]),
    ("compat/auctiongym-v0", "", ["truthful"]),
    ("compat/auctiongym-v0", "mechanism=first-price shade=0.7 shade_sd=0.02", ["shaded"]),
    ("compat/auctiongym-v0", "participants=4 num_agents=8", ["truthful"]),
]


def parameters(text):
    pairs = (pair.split("=") for pair in text.split())
    return {key: json.loads(value) if key != "choice" and key != "mechanism" else value for key, value in pairs}


class Recsim:
    """The three environments of RecSim: what differs is how they are made and measured."""

    def __init__(self, env, params):
        import numpy as np
        from recsim import choice_model
        from recsim.environments import interest_evolution, interest_exploration, long_term_satisfaction
        from recsim.simulator import environment, recsim_gym

        self.np, self.env, self.params = np, env, params
        self.choice = choice_model
        self.evolution, self.exploration = interest_evolution, interest_exploration
        self.long_term, self.environment, self.gym = long_term_satisfaction, environment, recsim_gym
        self.slots = params.get("slate_size", 1 if "long-term" in env else 2)

    def make(self, users, documents):
        params = self.params
        if "long-term" in self.env:
            model = self.long_term.LTSUserModel(
                self.slots, self.long_term.LTSUserState, self.long_term.LTSResponse, seed=users
            )
            if "sensitivity" in params:
                model._user_sampler._state_parameters["sensitivity"] = params["sensitivity"]
            sampler = self.long_term.LTSDocumentSampler(seed=documents)
            if "fixed_clickbait" in params:
                score = params["fixed_clickbait"]
                sampler._rng = types.SimpleNamespace(random_sample=lambda: score)
            reward = self.long_term.clicked_engagement_reward
        elif "evolution" in self.env:
            rules = {
                "proportional": self.choice.MultinomialProportionalChoiceModel,
                "mnl": self.choice.MultinomialLogitChoiceModel,
            }
            rule = rules[params.get("choice", "proportional")]
            model = self.evolution.IEvUserModel(self.slots, choice_model_ctor=rule, seed=users)
            sampler = self.evolution.UtilityModelVideoSampler(doc_ctor=self.evolution.IEvVideo, seed=documents)
            reward = self.evolution.clicked_watchtime_reward
        else:
            sampler = self.exploration.IETopicDocumentSampler(doc_ctor=self.exploration.IEDocument, seed=documents)
            self.exploration.IEDocument.NUM_CLUSTERS = sampler.num_clusters
            self.exploration.IEResponse.NUM_CLUSTERS = sampler.num_clusters
            model = self.exploration.IEUserModel(
                self.slots,
                user_state_ctor=self.exploration.IEUserState,
                response_model_ctor=self.exploration.IEResponse,
                seed=users,
            )
            reward = self.exploration.total_clicks_reward
        candidates, resample = params.get("num_candidates", 10), params.get("resample", True)
        world = self.environment.Environment(model, sampler, candidates, self.slots, resample_documents=resample)
        return self.gym.RecSimGymEnv(world, reward)

    def scores(self, policy, documents, user):
        if policy == "random":
            return self.np.random.rand(len(documents))
        if policy in ("choc", "kale"):
            sign = 1 if policy == "choc" else -1
            return [sign * document.clickbait_score for document in documents]
        if policy in ("greedy-quality", "worst-quality"):
            sign = 1 if policy == "greedy-quality" else -1
            return [sign * document.quality for document in documents]
        return [user.score_document(document.create_observation()) for document in documents]

    def episodes(self, policy, seed, count):
        """The metrics of each episode."""
        np = self.np
        np.random.seed(3 * seed)
        env = self.make(3 * seed + 1, 3 * seed + 2)
        for episode in range(count):
            if not self.params.get("resample", True):
                address = 1_000_003 * (seed * count + episode + 1)
                env = self.make(address % 2**32, (address + 1) % 2**32)
            env.reset()
            yield self.episode(env, policy)

    def episode(self, env, policy):
        np, world = self.np, env.environment
        model = world.user_model
        user = model._user_state
        clicks, quality, topics, positions = 0, 0.0, [], [0] * self.slots
        returned, length, exposures, satisfactions, logs = 0.0, 0, [], [], []
        start = np.mean(user.user_interests**2) if "evolution" in self.env else None
        exposure = user.net_positive_exposure if "long-term" in self.env else None
        done = False
        while not done and not ("exploration" in self.env and length == 100):
            documents = world.candidate_set.get_documents(list(world._current_documents))
            order = np.argsort(-np.asarray(self.scores(policy, documents, user)), kind="stable")
            slate = order[: self.slots]
            observation, reward, done, _ = env.step(slate)
            returned, length = returned + reward, length + 1
            for place, response in enumerate(observation["response"]):
                if response["click"]:
                    clicks += 1
                    positions[place] += 1
                    if "long-term" in self.env:
                        logs.append(math.log(response["engagement"]))
                    else:
                        quality += float(response["quality"])
                        topics.append(response["cluster_id"])
            if "long-term" in self.env:
                exposures.append(user.net_positive_exposure)
                satisfactions.append(user.satisfaction)
        metrics = {"episode_return": returned, "length": length, "clicks": clicks, "ctr": clicks / length}
        if "long-term" in self.env:
            metrics |= {
                "npe_start": exposure,
                "mean_npe": np.mean(exposures),
                "final_npe": exposures[-1],
                "mean_satisfaction": np.mean(satisfactions),
                "final_satisfaction": satisfactions[-1],
                "mean_log_observed_engagement": np.mean(logs),
            }
            return metrics
        metrics["mean_clicked_quality"] = quality / clicks if clicks else 0.0
        if "exploration" in self.env:
            metrics["share_clicks_topic_1"] = topics.count(1) / clicks if clicks else 0.0
            return metrics
        metrics |= {
            "distinct_clusters_clicked": len(set(topics)),
            "interest_sq_start": start,
            "interest_sq_end": np.mean(user.user_interests**2),
            "final_time_budget": user.time_budget,
        }
        for place, count in enumerate(positions):
            metrics[f"click_share_position_{place}"] = count / clicks if clicks else 0.0
        return metrics


class Recogym:
    """RecoGym without its agents, which want torch and TensorFlow."""

    def __init__(self, env, params):
        import importlib.util

        if "recogym" not in sys.modules:
            package, agents = types.ModuleType("recogym"), types.ModuleType("recogym.agents")
            package.__path__ = list(importlib.util.find_spec("recogym").submodule_search_locations)
            agents.Agent = object
            sys.modules.update({"recogym": package, "recogym.agents": agents})
        from recogym.envs import reco_env_v1
        from recogym.envs.reco_env_v1 import ff

        self.module, self.ff, self.params = reco_env_v1, ff, params

    def make(self, catalogue, users):
        import numpy as np

        env = self.module.RecoEnv1()
        renamed = {"num_flips": "number_of_flips", "sigma_mu": "sigma_mu_organic"}
        settings = {renamed.get(key, key): value for key, value in self.params.items()}
        env.init_gym({**self.module.env_1_args, **settings, "random_seed": catalogue})
        # Not the numbers that the catalogue was drawn from.
        env.rng = np.random.RandomState(users)
        return env

    def episodes(self, policy, seed, count):
        for episode in range(count):
            address = (1_000_003 * (seed * count + episode + 1)) % (2**31)
            yield self.episode(self.make(address, address + 7), policy)

    def episode(self, env, policy):
        env.reset()
        products = env.config.num_products
        views, last, sessions, events, first = [0] * products, 0, 0, 0, None
        observation, _, done, _ = env.step(None)
        clicks, probabilities, steps = 0, 0.0, 0
        while True:
            session = list(observation.sessions())
            if session:
                sessions, events = sessions + 1, events + len(session)
                first = len(session) if first is None else first
                for view in session:
                    last = int(view["v"])
                    views[last] += 1
            if done:
                break
            ctr = self.ff((env.beta @ env.omega + env.mu_bandit).ravel())
            if policy == "random":
                action = env.rng.randint(products)
            else:
                action = {
                    "fixed-0": 0,
                    "last-view": last,
                    "most-viewed": views.index(max(views)),
                    "most-popular": int(env.mu_organic.argmax()),
                    "oracle": int(ctr.argmax()),
                }[policy]
            observation, reward, done, _ = env.step(action)
            clicks, probabilities, steps = clicks + reward, probabilities + ctr[action], steps + 1
        return {
            "episode_return": clicks,
            "ctr": (clicks, steps),
            "true_ctr": (probabilities, steps),
            "bandit_steps": steps,
            "organic_events": events,
            "organic_sessions": sessions,
            "first_session_length": first,
            "no_bandit_step": int(steps == 0),
            "distinct_products_viewed": sum(view > 0 for view in views),
        }


class Auctiongym:
    """AuctionGym with advertisers that know their click rates; an episode is a catalogue and 20 rounds."""

    ROUNDS = 20

    def __init__(self, env, params, source):
        import numpy as np

        np.bool = np.bool_

        # Nothing of them is used by such advertisers.
        class Inert(types.ModuleType):
            def __getattr__(self, name):
                if name.startswith("__"):
                    raise AttributeError(name)
                return type(name, (), {"__init_subclass__": classmethod(lambda cls, **_: None)})

        for name in ("torch", "torch.nn", "torch.nn.functional"):
            sys.modules[name] = Inert(name)
        sys.modules["torch"].nn = sys.modules["torch.nn"]
        sys.path.insert(0, source)
        import Agent
        import Auction
        import AuctionAllocation
        import Bidder
        import BidderAllocation

        self.np, self.params = np, params
        self.Agent, self.Auction = Agent.Agent, Auction.Auction
        self.Oracle, self.Truthful = BidderAllocation.OracleAllocator, Bidder.TruthfulBidder
        self.Shaded = Bidder.EmpiricalShadedBidder
        mechanisms = {"first-price": AuctionAllocation.FirstPrice, "second-price": AuctionAllocation.SecondPrice}
        self.mechanism = mechanisms[params.get("mechanism", "second-price")]

    def episodes(self, policy, seed, count):
        rng = self.np.random.default_rng(seed)
        for _ in range(count):
            yield self.episode(rng, policy)

    def auction(self, rng, policy):
        np, agents = self.np, []
        count = self.params.get("num_agents", 6)
        items = [rng.normal(0.0, 1.0, size=(12, 5)) for _ in range(count)]
        values = [rng.lognormal(0.1, 0.2, 12) for _ in range(count)]
        items = [np.hstack((item, -3.0 - 1.0 * rng.random((12, 1)))) for item in items]
        for i in range(count):
            if policy == "truthful":
                bidder = self.Truthful(rng)
            else:
                bidder = self.Shaded(rng, self.params["shade_sd"], self.params["shade"])
            agent = self.Agent(rng, str(i), 12, values[i], self.Oracle(rng), bidder)
            agent.allocator.update_item_embeddings(items[i])
            agents.append(agent)
        names = {str(i): items[i] for i in range(count)}, {str(i): values[i] for i in range(count)}
        participants = self.params.get("participants", 2)
        return self.Auction(rng, self.mechanism(), agents, *names, 1, 5, 1.0, 4, participants)

    def episode(self, rng, policy):
        np, auction = self.np, self.auction(rng, policy)
        agents = auction.agents
        for _ in range(self.ROUNDS):
            auction.simulate_opportunity()
        logs = [log for agent in agents for log in agent.logs]
        won = [log for log in logs if log.won]
        rounds = self.ROUNDS
        assert len(won) == rounds
        return {
            "revenue": auction.revenue / rounds,
            "net": sum(agent.net_utility for agent in agents) / rounds,
            "gross": sum(agent.gross_utility for agent in agents) / rounds,
            "winner_ctr": np.mean([log.true_CTR for log in won]),
            "winner_value": np.mean([log.value for log in won]),
            "mean_bid": np.mean([log.bid for log in logs]),
            "expected_welfare": np.mean([log.true_CTR * log.value for log in won]),
            "overbid_regret": sum(agent.get_overbid_regret() for agent in agents) / rounds,
            "underbid_regret": sum(agent.get_underbid_regret() for agent in agents) / rounds,
        }


def clustered(by_seed):
    """Mean and standard error of a metric from its episodes by seed; a pair is a ratio of sums."""
    if isinstance(by_seed[0][0], tuple):
        tops, bottoms = ([sum(pair[i] for pair in seed) for seed in by_seed] for i in (0, 1))
        mean, scale = sum(tops) / sum(bottoms), sum(bottoms) / len(by_seed)
        deviations = [(top - mean * bottom) / scale for top, bottom in zip(tops, bottoms)]
    else:
        means = [sum(seed) / len(seed) for seed in by_seed]
        mean = sum(means) / len(means)
        deviations = [value - mean for value in means]
    n = len(by_seed)
    return float(mean), math.sqrt(sum(float(d) ** 2 for d in deviations) / (n - 1) / n)


def measure(out, episodes, auctiongym):
    lines = []
    for env, params, policies in CASES:
        if "auctiongym" in env and not auctiongym:
            print(f"skipped: {env}, because it needs --auctiongym")
            continue
        for policy in policies:
            if "recsim" in env:
                original = Recsim(env, parameters(params))
            elif "recogym" in env:
                original = Recogym(env, parameters(params))
            else:
                original = Auctiongym(env, parameters(params), auctiongym)
            columns = collections.defaultdict(list)
            for seed in range(SEEDS):
                played = list(original.episodes(policy, seed, episodes))
                for name in played[0]:
                    columns[name].append([episode[name] for episode in played])
            for name, by_seed in columns.items():
                mean, se = clustered(by_seed)
                lines.append([env, params, policy, name, repr(mean), repr(se), SEEDS * episodes])
            print(f"{env} {params} {policy}: measured", flush=True)
    with open(out, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["env", "params", "policy", "metric", "mean", "se", "episodes"])
        writer.writerows(lines)


def compare(measured, mercato):
    groups = collections.defaultdict(list)
    for row in csv.DictReader(open(measured)):
        groups[row["env"], row["params"], row["policy"]].append(row)
    compared, largest, wrong = 0, 0.0, []
    for (env, params, policy), rows in groups.items():
        settings = [word for pair in params.split() for word in ("--set", pair)]
        command = [mercato, "rollout", env, "--policy", policy, "--episodes", str(PORT_EPISODES), *settings]
        ran = subprocess.run([*command, "--format", "json"], check=True, stdout=subprocess.PIPE)
        ours = json.loads(ran.stdout)["metrics"]
        for row in rows:
            mine, theirs = ours[row["metric"]], float(row["mean"])
            se = math.hypot(mine["se"], float(row["se"]))
            # Rounding of f32, for what has no spread.
            off = abs(mine["mean"] - theirs) / (se + 1e-6 * abs(theirs) + 1e-9)
            compared, largest = compared + 1, max(largest, off)
            if off > 4:
                found = f"{mine['mean']} ± {mine['se']}, the original {theirs} ± {row['se']}"
                wrong.append(f"{env} {params} {policy} {row['metric']}: {found}, {off:.1f} standard errors")
    assert not wrong, "\n".join(wrong)
    print(f"{compared} statistics agree with the originals', the farthest {largest:.1f} standard errors away")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("out")
    one.add_argument("--episodes", type=int, default=10)
    one.add_argument("--auctiongym")
    other = commands.add_parser("compare")
    other.add_argument("measured")
    other.add_argument("mercato")
    options = parser.parse_args()
    if options.command == "measure":
        measure(options.out, options.episodes, options.auctiongym)
    else:
        compare(options.measured, options.mercato)
