(* What Eva found, one line each, for analyse.t, which runs this inside Frama-C by -load-script:
     FUNCTION file name reached all   the statements of a function
     UNREACHED file:line name text    a statement that no input reaches
     ALARM file:line text             a property that Eva could not show to hold
   A function in a header has a copy for each file that includes it: the copies count as one.
   Blocks and empty statements are not counted: they do nothing. Neither is what depends on a
   constant, such as the size of a type: the compiler removes it. *)
open Cil_types

(* All statements of a block that are counted. *)
let rec of_block block = List.concat_map of_statement block.bstmts

and of_statement s =
  match s.skind with
  | Instr (Skip _) -> []
  | Block block -> of_block block
  | UnspecifiedSequence sequence -> of_block (Cil.block_from_unspecified_sequence sequence)
  | Loop (_, body, _, _, _) -> s :: of_block body
  | Switch (_, body, _, _) -> s :: of_block body
  | If (condition, yes, no, _) -> (
      match Cil.isInteger (Cil.constFold true condition) with
      | Some value -> of_block (if Integer.is_zero value then no else yes)
      | None -> s :: (of_block yes @ of_block no))
  | _ -> [ s ]

let line_of fmt (pos : Filepath.position) =
  Format.fprintf fmt "%a:%d" Filepath.Normalized.pretty pos.pos_path pos.pos_lnum

let one_line text = String.concat " " (Str.split (Str.regexp "[ \n]+") text)

(* The statements by place and name in the source, and whether each is reached. *)
let functions = Hashtbl.create 100
let order = ref []

let add_function f (first : Filepath.position) =
  let statements = of_block f.sbody in
  let key = (first.Filepath.pos_path, f.svar.vorig_name) in
  let reached = List.map (fun s -> (s, Eva.Results.is_reachable s)) statements in
  match Hashtbl.find_opt functions key with
  | Some old when List.length old = List.length reached ->
      Hashtbl.replace functions key (List.map2 (fun (s, a) (_, b) -> (s, a || b)) old reached)
  | Some _ -> failwith (f.svar.vname ^ ": two functions with this name")
  | None ->
      order := key :: !order;
      Hashtbl.replace functions key reached

let report_function ((file, name) as key) =
  let statements = Hashtbl.find functions key in
  let reached = List.length (List.filter snd statements) in
  Format.printf "FUNCTION %a %s %d %d@." Filepath.Normalized.pretty file name reached (List.length statements);
  List.iter
    (fun (s, is_reached) ->
      if not is_reached then
        Format.printf "UNREACHED %a %s %s@." line_of (fst (Cil_datatype.Stmt.loc s)) name
          (one_line (Format.asprintf "%a" Cil_datatype.Stmt.pretty s)))
    statements

(* Assertions, those of Eva for each operation that may be undefined among them, and what a function
   requires of its callers. What functions ensure is not Eva's part but that of prove.t, and so is
   what they require and ensure under the name `kept`: an invariant of a structure. *)
let is_checked = function
  | Property.IPPropertyInstance { ii_ip = IPPredicate { ip_pred } } ->
      not (List.mem "kept" ip_pred.ip_content.tp_statement.pred_name)
  | Property.IPPropertyInstance _ -> true
  | Property.IPCodeAnnot { ica_ca = { annot_content = AAssert _ } } -> true
  | _ -> false

let is_unproven property =
  match Property_status.get property with
  | Best (True, _) | Never_tried -> false
  | Best ((Dont_know | False_if_reachable | False_and_reachable), _) | Inconsistent _ -> true

let report_property property =
  if is_checked property && is_unproven property then
    Format.printf "ALARM %a %s@." line_of
      (fst (Property.location property))
      (one_line (Format.asprintf "%a" Property.pretty property))

let main () =
  List.iter (function GFun (f, loc) -> add_function f (fst loc) | _ -> ()) (Ast.get ()).globals;
  List.iter report_function (List.rev !order);
  Property_status.iter report_property

let () = Db.Main.extend main
