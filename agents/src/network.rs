//! A multilayer perceptron with a head: where its numbers sit in one flat buffer, there and back over any backend.
use envs::{Domain, Purpose, Rng, Spec};
use kernels::{Backend, Dense, FactoredHead, MaskConfig, Result};
use serde::{Deserialize, Serialize};

/// What turns the last hidden layer into one value per action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One output per action.
    #[default]
    Plain,
    /// A value and one advantage per action (Wang et al. 2016).
    Dueling,
    /// One number per state times one number per action: the article's.
    Factored,
}

/// The network: plain data; its numbers live in [`kernels::Weights`].
#[derive(Clone, Debug)]
pub struct Network {
    /// Its dense layers, in order.
    pub layers: Vec<Dense>,
    /// Its head.
    pub head: Head,
    /// Number of actions.
    pub actions: usize,
    /// Values per action: 1, or the atoms or quantiles of a distribution.
    pub atoms: usize,
    /// Number of parameters.
    pub len: usize,
    /// The layer that embeds fractions of quantiles, when there is one; it is not among `layers`.
    pub embedding: Option<Dense>,
    /// Where an observation says which actions are on offer, when it does.
    pub mask: Option<MaskConfig>,
    /// The layers of another network whose numbers follow in the same buffer.
    beside: Vec<Dense>,
    item: FactoredHead,
}

impl Network {
    /// observation → hidden layers with ReLU → head, which gives `atoms` × `actions` values. More than one atom goes with
    /// the heads `Plain` and `Dueling`, which has a value and advantages per atom.
    pub fn new(observation: usize, hidden: &[usize], actions: usize, atoms: usize, head: Head) -> Self {
        let last = match head {
            Head::Plain => atoms * actions,
            Head::Dueling => atoms * (1 + actions),
            Head::Factored => 1,
        };
        let widths: Vec<usize> = [observation].into_iter().chain(hidden.iter().copied()).chain([last]).collect();
        let mut layers = Vec::new();
        let mut len = 0;
        for (i, pair) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let bias = len + inputs * outputs;
            layers.push(Dense { inputs, outputs, weight: len, bias, relu: i < hidden.len() });
            len = bias + outputs;
        }
        let item = FactoredHead { actions, weight: len, bias: len + actions };
        if head == Head::Factored {
            len += 2 * actions;
        }
        Network { layers, head, actions, atoms, len, embedding: None, mask: None, beside: Vec::new(), item }
    }

    /// The same with a layer, ReLU included, from `features` of a fraction to the outputs of layer `at`.
    pub fn with_embedding(mut self, features: usize, at: usize) -> Self {
        let (weight, outputs) = (self.len, self.layers[at].outputs);
        let bias = weight + features * outputs;
        self.embedding = Some(Dense { inputs: features, outputs, weight, bias, relu: true });
        self.len = bias + outputs;
        self
    }

    /// The same with the numbers of `other` after its own, and `other` as it then is: both live in one buffer.
    pub fn beside(mut self, mut other: Network) -> (Self, Self) {
        for layer in &mut other.layers {
            layer.weight += self.len;
            layer.bias += self.len;
        }
        self.len += other.len;
        self.beside.clone_from(&other.layers);
        (self, other)
    }

    /// Initial parameters: every weight and bias uniform within ±1/√inputs of its layer, as PyTorch's default.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut theta = vec![0.0; self.len];
        let mut stream = Rng::new(seed, Domain::Initialisation).stream(Purpose::WEIGHTS);
        for layer in self.layers.iter().chain(&self.embedding).chain(&self.beside) {
            let bound = 1.0 / (layer.inputs as f32).sqrt();
            stream.fill_uniform(-bound, bound, &mut theta[layer.weight..layer.bias + layer.outputs]);
        }
        if self.head == Head::Factored {
            stream.fill_uniform(-1.0, 1.0, &mut theta[self.item.weight..]);
        }
        theta
    }

    /// Initial scale σ of the noise on every parameter: `noise`/√inputs of its layer; 0 outside dense layers.
    pub fn initial_noise(&self, noise: f32) -> Vec<f32> {
        let mut sigma = vec![0.0; self.len];
        for layer in &self.layers {
            sigma[layer.weight..layer.bias + layer.outputs].fill(noise / (layer.inputs as f32).sqrt());
        }
        sigma
    }

    /// The same for observations whose field `action_mask` says which of `actions` are on offer, if there is one
    /// and the network has a value for each.
    pub fn with_mask(mut self, spec: &Spec, actions: usize) -> Self {
        let has_all = self.actions >= actions;
        let field = spec.field("action_mask").filter(|field| has_all && field.len() == actions);
        self.mask = field.map(|field| MaskConfig {
            actions,
            values: self.actions,
            width: spec.observation,
            first: field.start,
        });
        self
    }

    /// Closes in the values of `rows` rows what is not on offer; all are on offer where observations do not say.
    pub fn close<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        observation: &B::Buf<f32>,
        values: &mut B::Buf<f32>,
    ) -> Result<()> {
        self.mask.map_or(Ok(()), |mask| backend.close(&mask, rows, observation, values))
    }

    /// Whether only the values of the actions taken can be computed.
    pub fn can_choose(&self) -> bool {
        self.head == Head::Plain && self.atoms == 1
    }

    /// Buffers for `rows` samples: one per layer, and the values when a head follows. With `chosen` the last holds one
    /// value per row.
    pub fn outputs<B: Backend>(&self, backend: &B, rows: usize, chosen: bool) -> Result<Vec<B::Buf<f32>>> {
        let mut widths: Vec<usize> = self.layers.iter().map(|layer| layer.outputs).collect();
        if self.head != Head::Plain {
            widths.push(self.atoms * self.actions);
        } else if chosen && let Some(last) = widths.last_mut() {
            *last = 1;
        }
        widths.into_iter().map(|width| backend.zeros(rows * width)).collect()
    }

    /// From x\[rows × observation\] through `outputs`, the last of which holds the values: all, or those of `chosen`.
    pub fn forward<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        theta: &B::Buf<f32>,
        x: &B::Buf<f32>,
        chosen: Option<&B::Buf<u32>>,
        outputs: &mut [B::Buf<f32>],
    ) -> Result<()> {
        let count = self.layers.len();
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, from) = outputs.split_at_mut(i);
            let input = before.last().unwrap_or(x);
            match chosen {
                Some(chosen) if i + 1 == count => {
                    backend.linear_chosen(layer, rows, theta, input, chosen, &mut from[0])?;
                }
                _ => backend.linear(layer, rows, theta, input, &mut from[0])?,
            }
        }
        let (trunk, values) = outputs.split_at_mut(count);
        match self.head {
            Head::Plain => {}
            Head::Dueling => backend.dueling(rows * self.atoms, self.actions, &trunk[count - 1], &mut values[0])?,
            Head::Factored => backend.factored(&self.item, rows, theta, &trunk[count - 1], &mut values[0])?,
        }
        Ok(())
    }

    /// From the last of `deltas`, the gradient of the values, down to `gradient`; `deltas` has the shapes of `outputs`.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    pub fn backward<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        theta: &B::Buf<f32>,
        x: &B::Buf<f32>,
        chosen: Option<&B::Buf<u32>>,
        outputs: &[B::Buf<f32>],
        deltas: &mut [B::Buf<f32>],
        gradient: &mut B::Buf<f32>,
    ) -> Result<()> {
        self.backward_to_input(backend, rows, theta, x, chosen, outputs, deltas, None, gradient)
    }

    /// The same down to the gradient of `x` too, if wanted.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    pub fn backward_to_input<B: Backend>(
        &self,
        backend: &B,
        rows: usize,
        theta: &B::Buf<f32>,
        x: &B::Buf<f32>,
        chosen: Option<&B::Buf<u32>>,
        outputs: &[B::Buf<f32>],
        deltas: &mut [B::Buf<f32>],
        mut input: Option<&mut B::Buf<f32>>,
        gradient: &mut B::Buf<f32>,
    ) -> Result<()> {
        let count = self.layers.len();
        let (trunk, values) = deltas.split_at_mut(count);
        match self.head {
            Head::Plain => {}
            Head::Dueling => {
                backend.dueling_back(rows * self.atoms, self.actions, &values[0], &mut trunk[count - 1])?
            }
            Head::Factored => {
                let (f, df) = (&outputs[count - 1], &mut trunk[count - 1]);
                backend.factored_back(&self.item, rows, theta, f, &values[0], df, gradient)?;
            }
        }
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let (before, from) = trunk.split_at_mut(i);
            let (below, dx) = (outputs[..i].last().unwrap_or(x), before.last_mut().or(input.take_if(|_| i == 0)));
            match chosen {
                Some(chosen) if i + 1 == count => {
                    backend.linear_chosen_back(layer, rows, theta, below, chosen, &from[0], dx, gradient)?;
                }
                _ => backend.linear_back(layer, rows, theta, below, &outputs[i], &mut from[0], dx, gradient)?,
            }
        }
        Ok(())
    }
}
