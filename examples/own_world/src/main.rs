//! The world's page, what its reference policies earn, and mercato's DQN in it.
use mercato::{Experiment, envs, rollout::rollout, runner::Runner, trial::Device};
use std::{path::Path, sync::atomic::AtomicBool};

fn main() -> mercato::Result<()> {
    own_world::announce()?;
    print!("{}", envs::find(own_world::ID)?.page());
    let optimum = envs::make(own_world::ID, &envs::Params::new(), 1)?.optimum();
    println!("\noptimum {:.4}, random {:.4}", optimum.upper, optimum.random);
    for policy in ["random", "myopic", "oracle"] {
        let (_, played) = rollout(own_world::ID, &envs::Params::new(), (policy, 0.0), 10_000, 0, 256)?;
        let earned = played.metric("episode_return").map_or(f64::NAN, |metric| metric.mean);
        println!("{policy}: {earned:.4} in 10,000 episodes");
    }
    let experiment = format!(
        "name = 'own-world'\ntitle = 'DQN in a world of my own'\nseeds = '0..2'\n\
         [evaluation]\nepisodes = 1000\n\
         [[worlds]]\nenv = '{}'\nsteps = 20000\nreferences = ['random', 'oracle']\n\
         agents = [{{ preset = 'dqn', set = {{ hidden = [32], explore_over = 10000 }} }}]\n",
        own_world::ID
    );
    let experiment = Experiment::parse("own-world", &experiment, &[])?;
    let (folder, stop) = (Path::new("runs/own-world"), AtomicBool::new(false));
    let runner = Runner {
        folder,
        experiment: &experiment.name,
        jobs: 2,
        tensorboard: false,
        trace: false,
        device: Device::Cpu,
        stop: &stop,
        observer: &Silent,
    };
    let records = runner.run(&experiment.trials()?)?;
    for record in &records {
        let earned = record.outcome.metrics["episode_return"].mean.unwrap_or(f64::NAN);
        println!("{} with seed {}: {earned:.4}", record.agent, record.seed);
    }
    mercato::report::write(folder, &records, &experiment.title, "cargo run")?;
    println!("report: {}", folder.join("report.html").display());
    Ok(())
}

/// Nobody is told how it goes.
struct Silent;

impl mercato::runner::Observer for Silent {
    fn resumed(&self, _: usize, _: Option<String>) {}
    fn started(&self, _: usize, _: &mercato::Trial) {}
    fn advanced(&self, _: usize, _: u64) {}
    fn finished(&self, _: usize, _: &mercato::Trial, _: &mercato::reports::Record) {}
}
