// Stands in for apot_pe in the proof of apot_array, which is about which words meet, and when: the lowest bit of the activation if the code has
// bit 3 (as the code of 1 has), negative if the activation is signed.
module apot_pe (
    input logic [7:0] in_activation_i,
    input logic in_activation_signed_i,
    input logic [7:0] in_code_i,
    output logic [22:0] out_product_o
);
  assign out_product_o = {{22{in_activation_signed_i & in_activation_i[0] & in_code_i[3]}}, in_activation_i[0] & in_code_i[3]};
endmodule
