/** Counts features by hash in typed arrays: a Map would box every 32-bit key. Clearing costs time in proportion to its entries. */
export class FeatureHashMap {
  #keys: Uint32Array;
  #weights: Float32Array;
  #counts: Uint32Array;
  #mask: number;
  /** The slots in use, in insertion order. */
  #used: Uint32Array;
  #size = 0;

  constructor(capacity = 1 << 14) {
    this.#mask = capacity - 1;
    this.#keys = new Uint32Array(capacity);
    this.#weights = new Float32Array(capacity);
    this.#counts = new Uint32Array(capacity);
    this.#used = new Uint32Array(capacity / 2);
  }

  /** @param hash well mixed, 32 bits */
  add(hash: number, weight: number): void {
    let slot = hash & this.#mask;
    while (this.#counts[slot] !== 0 && this.#keys[slot] !== hash) slot = (slot + 1) & this.#mask;
    if (this.#counts[slot] === 0) {
      if (this.#size === this.#used.length) {
        this.#grow();
        this.add(hash, weight);
        return;
      }
      this.#keys[slot] = hash;
      this.#weights[slot] = weight;
      this.#used[this.#size++] = slot;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
  }

  /** Calls `take` with every feature and clears the map. */
  drain(take: (hash: number, weight: number, count: number) => void): void {
    for (let i = 0; i < this.#size; i++) {
      const slot = this.#used[i] ?? 0;
      take(this.#keys[slot] ?? 0, this.#weights[slot] ?? 0, this.#counts[slot] ?? 0);
      this.#counts[slot] = 0;
    }
    this.#size = 0;
  }

  #grow(): void {
    const larger = new FeatureHashMap((this.#mask + 1) * 2);
    for (let i = 0; i < this.#size; i++) {
      const slot = this.#used[i] ?? 0;
      larger.#place(this.#keys[slot] ?? 0, this.#weights[slot] ?? 0, this.#counts[slot] ?? 0);
    }
    this.#keys = larger.#keys;
    this.#weights = larger.#weights;
    this.#counts = larger.#counts;
    this.#used = larger.#used;
    this.#mask = larger.#mask;
  }

  #place(hash: number, weight: number, count: number): void {
    let slot = hash & this.#mask;
    while (this.#counts[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = hash;
    this.#weights[slot] = weight;
    this.#counts[slot] = count;
    this.#used[this.#size++] = slot;
  }
}
