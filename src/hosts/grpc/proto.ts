/**
 * The service as protocol buffers have it, for clients in other languages: write it to a file and give that to their compiler.
 * What is written in JSON is a value that JSON has.
 */
export const RULES_PROTO = `syntax = "proto3";

package tidemark.rules.v1;

// Failures have the gRPC status that fits, and the code of tidemark's error in the trailing metadata 'tidemark-code'.
service RulesEngine {
  rpc EvaluateCondition(EvaluateConditionRequest) returns (Evaluation);
  rpc EvaluateConditions(EvaluateConditionsRequest) returns (EvaluateConditionsResponse);
  rpc GetEvaluationOrder(GetEvaluationOrderRequest) returns (EvaluationOrder);
  rpc ValidateDependencies(ValidateDependenciesRequest) returns (Validation);
  rpc InvalidateCache(InvalidateCacheRequest) returns (Invalidation);
  rpc GetCacheStats(GetCacheStatsRequest) returns (CacheStats);
}

// Everywhere: 'branch' is left empty where the model has no branches; 'after' is the text of a receipt: the answer is at least
// as new as that change; 'scope' says whose rules, 'all' if empty.

// A computed field of an entity as the rules in force have it, or a given rule over a given context: one of the two.
message Condition {
  string key = 1; // names it among others; its number from 0 if empty
  Field field = 2;
  Expression expression = 3;
}

message Field {
  string type = 1;
  string id = 2;
  string field = 3;
}

message Expression {
  string rule_json = 1;
  string context_json = 2; // null if empty
}

message EvaluateConditionRequest {
  string branch = 1;
  string after = 2;
  Condition condition = 4;
  bool include_trace = 5; // of an expression
}

message Evaluation {
  string key = 1;
  string value_json = 2;
  bool found = 3; // false: there is no such entity
  string error_code = 4; // of one among several that failed: then it has no value
  string error_message = 5;
  string trace_json = 6;
}

message EvaluateConditionsRequest {
  string branch = 1;
  string after = 2;
  string scope = 3;
  repeated Condition conditions = 4;
  bool include_trace = 5;
  bool use_dependency_order = 6; // each field after those that it reads, expressions last
}

message EvaluateConditionsResponse {
  repeated Evaluation results = 1; // in the order of the request
  repeated string evaluation_order = 2; // by key
}

message GetEvaluationOrderRequest {
  string branch = 1;
  string after = 2;
  string scope = 3;
  repeated string fields = 4; // only these; all if empty
}

message EvaluationOrder {
  repeated string fields = 1; // 'settlement.income', each after those that it reads
  uint32 total = 2; // of all, asked for or not
}

message ValidateDependenciesRequest {
  string branch = 1;
  string after = 2;
  string scope = 3;
  string rules_json = 4; // a list of rules as if they were saved, each in place of the one with its id
}

message Validation {
  bool valid = 1;
  repeated Cycle cycles = 2;
  bool more_cycles = 3;
  repeated Problem problems = 4;
}

message Cycle {
  repeated string path = 1; // the last is the first again
}

message Problem {
  string rule = 1;
  string pointer = 2;
  string code = 3;
  string message = 4;
}

message InvalidateCacheRequest {
  string branch = 1;
  string scope = 3;
  repeated string types = 4; // all with computed fields if empty
}

message Invalidation {
  string receipt = 1;
  bool queued = 2;
  uint32 keys = 3; // entries of this replica that became stale
}

message GetCacheStatsRequest {
  string branch = 1;
  string scope = 3;
  uint32 sample = 4; // keys to show; at most 100
}

message CacheStats {
  double hits = 1;
  double misses = 2;
  double keys = 3; // fresh entries of computed fields of this replica, in the scope and branch
  double ksize = 4; // bytes of their keys
  optional double vsize = 5; // bytes of all that the replica holds, if it counts them
  double hit_rate = 6;
  repeated string sample_keys = 7;
}
`;
