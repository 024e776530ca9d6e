// Stands in for apot_pe in the proofs of apot_dot: any product at all, which those proofs restrict to the range that apot_pe is proved to keep.
module apot_pe (
    input logic [7:0] in_activation_i,
    input logic in_activation_signed_i,
    input logic [7:0] in_code_i,
    output logic [22:0] out_product_o
);
  (* anyseq *) logic [22:0] f_any;
  assign out_product_o = f_any;
endmodule
