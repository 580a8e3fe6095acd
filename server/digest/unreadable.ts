/** An item that nothing can be made of, however often it is tried. Its message is for people, and holds nothing of the item. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}
