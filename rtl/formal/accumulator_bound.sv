// A sum of at most Terms terms of at most Largest in magnitude fits 32 bits: one step of the induction over the number of terms, for any number.
// Largest = 255 * 255 is that of products of 8 bit operands, which is shown too.
module accumulator_bound #(
    parameter int Largest = 65025,
    parameter int Terms = 33025
) (
    input logic [16:0] terms_i,
    input logic [39:0] sum_i,
    input logic [17:0] term_i,
    input logic activation_signed_i,
    input logic weight_signed_i,
    input logic [7:0] activation_i,
    input logic [7:0] weight_i
);
  localparam logic signed [39:0] Bound = Largest;
  // Largest * terms, as the sum of its multiples: bounds before and after one more term.
  logic signed [39:0] sum, term, before, after, next;
  assign sum = $signed(sum_i);
  assign term = 40'($signed(term_i));
  assign before = $signed({23'd0, terms_i}) * Bound;
  assign after = before + Bound;
  assign next = sum + term;

  logic signed [8:0] activation, weight;
  logic signed [17:0] product;
  assign activation = {activation_signed_i && activation_i[7], activation_i};
  assign weight = {weight_signed_i && weight_i[7], weight_i};
  assign product = 18'(activation) * 18'(weight);

  logic signed [39:0] wide_product;
  assign wide_product = 40'(product);

  logic hypothesis;
  assign hypothesis = terms_i < 17'(Terms) && sum <= before && sum >= -before && term <= Bound && term >= -Bound;
  always @* begin
    a_product: assert (wide_product <= Bound && wide_product >= -Bound);
    if (hypothesis) begin
      a_step: assert (next <= after && next >= -after);
      a_fits: assert (next[39:31] == {9{next[31]}});
    end
    c_last: cover (hypothesis && terms_i == 17'(Terms - 1) && next == after);
  end
endmodule
