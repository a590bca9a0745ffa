//! Pickles that are not state dicts, some of them meant to do harm.

use super::pickler::{ordered_dict, state_dict, tensor, text};
use crate::weights::pickle;

fn refused(pickle: &[u8], part: &str) {
    let reason = pickle::state_dict(pickle).unwrap_err();
    assert!(reason.contains(part), "{part} not in {reason}");
}

/// A whole pickle of this program.
fn program(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x02".as_slice(), &parts.concat(), b"."].concat()
}

fn x() -> Vec<u8> {
    tensor("FloatStorage", "0", 4, 0, &[4], &[1])
}

#[test]
fn a_state_dict_with_metadata_parameters_and_repeated_storages_is_read() {
    let tensor = x();
    let parameter =
        [b"ctorch._utils\n_rebuild_parameter\n(", tensor.as_slice(), b"\x88", &ordered_dict(), b"tR"];
    let metadata = [
        b"}".as_slice(),
        &text("_metadata"),
        &ordered_dict(),
        &text(""),
        b"}",
        &text("version"),
        b"K\x01sssb",
    ];
    let items =
        [text("w").as_slice(), &x(), b"q\x05", &text("p"), &parameter.concat(), &text("tied"), b"h\x05"]
            .concat();
    let pickle = program(&[&ordered_dict(), b"(", &items, b"u", &metadata.concat()]);
    let tensors = pickle::state_dict(&pickle).unwrap();
    assert_eq!(tensors.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["w", "p", "tied"]);
    assert!(tensors.iter().all(|(_, tensor)| *tensor == tensors[0].1 && tensor.shape == [4]));
}

#[test]
fn other_callables_are_refused_by_name_and_place_even_if_never_called() {
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("collections", "defaultdict"),
        ("collections.OrderedDict", ""),
        ("torch", "load"),
        ("torch", "Storage"),
        ("torch", "QInt8Storage"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch._utils", "_rebuild_device_tensor_from_numpy"),
    ] {
        let global = format!("c{module}\n{name}\n");
        for program in [
            program(&[global.as_bytes(), &text("rm -rf /"), b"\x85R"]),
            program(&[&ordered_dict(), global.as_bytes()]),
        ] {
            refused(&program, &format!("the global `{module}.{name}` has no business"));
            refused(&program, "at byte ");
        }
    }
    refused(&program(&[b"cos\nsystem\n", &text("true"), b"\x85R"]), "at byte 2, the global `os.system`");
}

#[test]
fn other_instructions_are_refused_by_number_and_place() {
    // INST, OBJ, NEWOBJ, STACK_GLOBAL, NEWOBJ_EX, EXT1, PERSID, STRING, INT, FRAME, MEMOIZE, LIST, DUP, POP.
    for opcode in *b"io\x81\x93\x92\x82PSI\x95\x94l20" {
        let program = program(&[&ordered_dict(), &[opcode], b"\0\0\0\0\0\0\0\0\n\n"]);
        refused(&program, &format!("at byte 29, instruction 0x{opcode:02x} has no business"));
    }
    refused(b"\x80\x04}.", "pickle protocol 4");
}

#[test]
fn the_known_names_are_labels_and_cannot_be_called_with_anything_else() {
    let tensor_function = b"ctorch._utils\n_rebuild_tensor_v2\n".as_slice();
    for (call, part) in [
        ([b"ctorch\nFloatStorage\n".as_slice(), b"K\x04\x85R"].concat(), "Storage(F32) is called"),
        ([b"ccollections\nOrderedDict\n".as_slice(), b"K\x04\x85R"].concat(), "OrderedDict is called"),
        ([tensor_function, b")R"].concat(), "a tensor is made of wrong arguments"),
        ([tensor_function, b"NR"].concat(), "the arguments of a call are None"),
        (
            [b"ctorch._utils\n_rebuild_parameter\n".as_slice(), b"NNN\x87R"].concat(),
            "RebuildParameter is called",
        ),
        ([text("system").as_slice(), b")R"].concat(), "a text is called"),
        ([ordered_dict().as_slice(), b")R"].concat(), "a dictionary is called"),
        (b"K\x01Q".to_vec(), "a number stands for a storage"),
        ([text("module").as_slice(), b"\x85Q"].concat(), "a storage is described in an unknown way"),
        ([ordered_dict().as_slice(), b"Nb"].concat(), "is given None as attributes"),
        ([tensor_function, b"}b"].concat(), "a global is given a dictionary as attributes"),
        (b"N(u".to_vec(), "items are put into None"),
    ] {
        refused(&program(&[&call]), part);
    }
}

#[test]
fn what_holds_more_than_tensors_is_refused_with_advice() {
    let nested = program(&[b"}", &text("state_dict"), &ordered_dict(), b"s"]);
    refused(&nested, "`state_dict` is a dictionary, not a tensor; only the plain state dict");
    refused(&program(&[&x()]), "it does not hold a dictionary of tensors");
    refused(&program(&[b"}K\x01", &x(), b"s"]), "a number is the name of a tensor");
    refused(&state_dict(&[("x", x()), ("x", x())]), "`x` is there twice");
}

#[test]
fn a_truncated_pickle_is_an_error_wherever_it_ends() {
    let whole = state_dict(&[("x", x()), ("y", x())]);
    assert_eq!(pickle::state_dict(&whole).unwrap().len(), 2);
    for len in 0..whole.len() {
        pickle::state_dict(&whole[..len]).unwrap_err();
    }
}

#[test]
fn cycles_and_deep_nesting_are_only_numbers() {
    // A dictionary that holds itself, twice, under its memo's number.
    refused(&program(&[b"}q\0", &text("self"), b"h\0s"]), "`self` is a dictionary");
    // A tuple of a tuple of a tuple…: a million levels, and as many marks.
    let deep = program(&[&ordered_dict(), &text("x"), b")", &vec![0x85; 1_000_000], b"s"]);
    refused(&deep, "`x` is a tuple");
    refused(&program(&[&vec![b'('; 1_000_000]]), "it does not hold");
    refused(&program(&[&b"}q\0".repeat(100_000), b"h\x01"]), "0x68 lacks what it needs");
}

#[test]
fn stack_and_marks_cannot_be_dug_under() {
    for part in [
        b"R".as_slice(),
        b"Q",
        b"b",
        b"s",
        b"u",
        b"t",
        b"\x87",
        b"q\0",
        b"N(R",
        b"}(Nt\x86",
        b"}NN(s",
        b"NN(\x86",
    ] {
        refused(&program(&[part]), "");
    }
}

#[test]
fn a_message_quotes_no_more_than_a_line() {
    let long = "s".repeat(100_000);
    let reason = pickle::state_dict(&program(&[format!("c{long}\n{long}\n").as_bytes()])).unwrap_err();
    assert!(reason.len() < 300, "{}", reason.len());
    let reason = pickle::state_dict(&program(&[b"}", &text(&long), b"Ns"])).unwrap_err();
    assert!(reason.len() < 300, "{}", reason.len());
}
