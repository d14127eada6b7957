"""Certificate templates (证照模板): where on which sheet each face item stands.

`families.yaml` holds the layouts, `types.yaml` what each certificate type takes of them. Layout and
type together make a `Template`; a template and a face make a drawing, or all complaints at once.
"""
