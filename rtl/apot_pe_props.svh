// Properties of apot_pe (inside the module, FORMAL only).

// The value of a code, from the table of its fields.
logic [14:0] f_term_a;
logic [6:0] f_term_b;
for (genvar n = 0; n < 15; n = n + 1) begin : gen_f_a
  assign f_term_a[n] = in_code_i[6:3] == n + 1;
end
for (genvar n = 0; n < 7; n = n + 1) begin : gen_f_b
  assign f_term_b[n] = in_code_i[2:0] == n + 1;
end
logic signed [31:0] f_activation, f_magnitude, f_value, f_product;
assign f_activation = {{24{in_activation_signed_i & in_activation_i[7]}}, in_activation_i};
assign f_magnitude = {17'd0, f_term_a} + {25'd0, f_term_b};
assign f_value = in_code_i[7] ? -f_magnitude : f_magnitude;
assign f_product = f_activation * f_value;

// The product is exact, and in the range that the sums are made for.
always @* a_product: assert ($signed(out_product_o) == f_product);
always @* a_range: assert (f_product >= -32'sd4194240 && f_product <= 32'sd4194240);
