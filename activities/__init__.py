"""What workflows have done for them: one class a concern; one method is one transaction or one call to one stranger."""
