"""The patches that make moto keep AWS's promises, one module for each part of AWS. See ../strict_moto.py."""
