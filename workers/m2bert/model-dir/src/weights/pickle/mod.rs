//! A pickle, read without being run.
//!
//! Pickle is a small stack language in which a file may call any function of Python. A state dict
//! needs some twenty of its instructions and three functions, and those only as labels: here they are
//! all there is. Anything else is an error that names it and says where it stands.
//!
//! Memory stays within a small multiple of the pickle's own length, whatever it says: every
//! instruction adds at most one value of a few words, and no number in it is ever reserved for.

mod cursor;
mod machine;
mod tensor;
mod value;

use std::collections::HashSet;

use machine::Machine;
use value::Value;

pub(super) use tensor::Tensor;
pub(super) use value::{Storage, quoted};

/// The tensors of a pickled state dict, by name, in its order.
///
/// # Errors
/// With what is not understood, and at which byte it stands.
pub(super) fn state_dict(pickle: &[u8]) -> Result<Vec<(&str, Tensor<'_>)>, String> {
    let mut machine = Machine::new(pickle);
    machine.run()?;
    tensors(&machine)
}

/// What the value on top says, once the program has stopped.
fn tensors<'a>(machine: &Machine<'a>) -> Result<Vec<(&'a str, Tensor<'a>)>, String> {
    let Some(Value::Dict(dict)) = machine.stack.last() else {
        return Err("it does not hold a dictionary of tensors".to_owned());
    };
    let (mut tensors, mut names) = (Vec::new(), HashSet::new());
    for (key, value) in &machine.dicts[*dict] {
        match (key, value) {
            (Value::Text(name), _) if !names.insert(*name) => {
                return Err(format!("{} is there twice", quoted(name)));
            }
            (Value::Text(name), Value::Tensor(index)) => {
                let tensor = machine.tensors[*index].resolve(machine);
                tensors.push((*name, tensor.map_err(|what| format!("{} {what}", quoted(name)))?));
            }
            (Value::Text(name), other) => {
                let advice =
                    "only the plain state dict of a model is read: `torch.save(model.state_dict(), …)`";
                return Err(format!("{} is {other}, not a tensor; {advice}", quoted(name)));
            }
            (other, _) => return Err(format!("{other} is the name of a tensor")),
        }
    }
    Ok(tensors)
}
