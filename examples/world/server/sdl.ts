/** What can be asked. `branch` is 'main' unless said otherwise, and is inherited by everything beneath the field. */
export const typeDefs = /* GraphQL */ `
  type Query {
    campaign(id: ID!, branch: String): Campaign
    kingdoms(branch: String): [Kingdom!]!
    kingdom(id: ID!, branch: String): Kingdom
    settlement(id: ID!, branch: String): Settlement
    structure(id: ID!, branch: String): Structure
    search(text: String!, branch: String, limit: Int = 12): [Hit!]!
    inBox(west: Float!, south: Float!, east: Float!, north: Float!, branch: String, limit: Int = 500): [Settlement!]!
    "By distance. The radius is in degrees."
    near(lon: Float!, lat: Float!, radius: Float!, branch: String, limit: Int = 20): [Settlement!]!
    "What lies within what somebody drew: a polygon of [lon, lat], whose last corner is its first."
    drawn(polygon: [[Float!]!]!, branch: String, limit: Int = 500): Found!
    "The kingdoms that a point lies in."
    at(lon: Float!, lat: Float!, branch: String): Kingdoms!
    branches: [Branch!]!
    "Which of the values in and around an entity are held in memory. Loads nothing and counts as no read."
    cached(type: EntityType!, id: ID!, branch: String): [CachedValue!]!
    "What an edit of it would touch. Changes nothing."
    explain(type: EntityType!, id: ID!, branch: String): Explanation!
    stats: Stats!
    me: Me!
  }

  type Mutation {
    "With expectedVersion: refused as CONFLICT if somebody else was quicker."
    edit(type: EntityType!, id: ID!, branch: String, expectedVersion: Int, fields: Fields!): Edit!
    addStructure(settlementId: ID!, name: String!, kind: String!, branch: String): Edit!
    move(id: ID!, lon: Float!, lat: Float!, branch: String, expectedVersion: Int): Edit!
    remove(type: EntityType!, id: ID!, branch: String): Edit!
    restore(type: EntityType!, id: ID!, branch: String): Edit!
  }

  enum EntityType {
    campaign
    kingdom
    settlement
    structure
  }

  input Fields {
    name: String
    population: Int
    level: Int
    kingdomId: ID
  }

  type Campaign {
    id: ID!
    name: String!
    version: Int!
    kingdoms: [Kingdom!]!
  }

  type Kingdom {
    id: ID!
    name: String!
    level: Int!
    version: Int!
    campaign: Campaign
    "The largest first."
    settlements(limit: Int): [Settlement!]!
    summary: KingdomSummary
  }

  type KingdomSummary {
    name: String!
    settlements: Int!
    people: Float!
    largest: [LargeSettlement!]!
  }

  type LargeSettlement {
    id: ID!
    name: String!
    population: Int!
  }

  type Settlement {
    id: ID!
    name: String!
    population: Int!
    level: Int!
    lon: Float!
    lat: Float!
    version: Int!
    "True if the branch shows its parent's row, not one of its own."
    inherited: Boolean!
    kingdom: Kingdom
    structures: [Structure!]!
    summary: SettlementSummary
    "What rules say of it."
    fields: SettlementFields
    "The nearest others. The radius is in degrees."
    nearby(radius: Float = 1, limit: Int = 8): [Settlement!]!
  }

  type SettlementFields {
    isTradeHub: Boolean
    standing: String
    income: Float
  }

  type SettlementSummary {
    name: String!
    population: Int!
    structures: [KindCount!]!
  }

  type KindCount {
    kind: String!
    count: Int!
  }

  type Structure {
    id: ID!
    name: String!
    kind: String!
    code: String!
    level: Int!
    lon: Float!
    lat: Float!
    version: Int!
    settlement: Settlement
  }

  type Found {
    "Whether the answer was held."
    state: CacheState!
    "How long ago it was found."
    ageMs: Float!
    settlements: [Settlement!]!
  }

  type Kingdoms {
    state: CacheState!
    kingdoms: [Kingdom!]!
  }

  type Hit {
    type: EntityType!
    id: ID!
    name: String!
    where: String!
    lon: Float
    lat: Float
  }

  type Branch {
    id: ID!
    title: String!
    parent: ID
    "How many rows it has of its own."
    overrides: Int!
    "Some of them: settlements first, then what is below and above."
    own(limit: Int = 100): [OwnRow!]!
  }

  "A row in which a branch differs from its parent."
  type OwnRow {
    type: EntityType!
    id: ID!
    name: String!
    what: Difference!
    "Where it belongs, or the settlement itself."
    settlementId: ID
    lon: Float
    lat: Float
  }

  enum Difference {
    added
    changed
    removed
  }

  enum CacheState {
    HIT
    MISS
  }

  type CachedValue {
    key: String!
    "Such as 'Settlements of Iceland'."
    label: String!
    kind: String!
    state: CacheState!
    ageMs: Float
    "Labels of the held values that were computed from it."
    readBy: [String!]!
  }

  type Explanation {
    subjects: [Touched!]!
    stale: [StaleValue!]!
    stayed: [StayedValue!]!
    advice: [String!]!
  }

  type Touched {
    subject: String!
    why: String!
  }

  type StaleValue {
    key: String!
    label: String!
    kind: String!
    ageMs: Float!
    because: [String!]!
  }

  type StayedValue {
    key: String!
    label: String!
    kind: String!
    ageMs: Float!
  }

  "The entity as it is now: null if it was removed, or is of another type."
  type Edit {
    campaign: Campaign
    kingdom: Kingdom
    settlement: Settlement
    structure: Structure
    receipt: String!
    "Measured: what was held before, and is no longer fresh."
    changed: Explanation!
  }

  type Stats {
    hits: Int!
    misses: Int!
    hitRate: Float!
    originCalls: Int!
    changes: Int!
    entries: Int!
    marks: Int!
    startTime: String!
  }

  type Me {
    name: String!
    mayEdit: Boolean!
  }
`;
